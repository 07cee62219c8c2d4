//! Building a program with one of the allocators.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};

use crate::{nostd, platforms::lld, process};

const TARGET: &str = "wasm32-unknown-unknown";

/// A program of the package.
#[derive(Clone, Copy)]
pub(super) enum Module {
    Small,
    Workloads,
}

/// What the compiler is told to prefer.
#[derive(Clone, Copy)]
pub(super) enum Optimized {
    ForSize,
    ForSpeed,
}

/// Builds a program with an allocator, or with the least there is if the name is empty: the module's file.
pub(super) fn build(module: Module, optimized: Optimized, allocator: &str) -> Result<PathBuf> {
    let example = match module {
        Module::Small => "small",
        Module::Workloads => "workloads",
    };
    let profile = match optimized {
        Optimized::ForSize => "smallest",
        Optimized::ForSpeed => "release",
    };
    let folder = process::target_dir().join("platforms/wasm");
    let mut cargo =
        process::cargo(&["build", "--manifest-path=benches/wasm/Cargo.toml", "--locked"]);
    cargo.args(["--example", example, "--profile", profile, "--features", allocator]);
    cargo.args(["--target", TARGET, "-Zbuild-std=core,alloc"]).arg("--target-dir").arg(&folder);
    nostd::with_sources(&mut cargo);
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", lld::find()?);
    let name = if allocator.is_empty() { "no allocator" } else { allocator };
    process::step(&format!("{example} program, {profile}, with {name}"), &mut cargo)?;
    // The next build of the same program would overwrite it.
    let built = folder.join(format!("{TARGET}/{profile}/examples/{example}.wasm"));
    let kept = folder.join(format!("{example}-{profile}-{name}.wasm").replace(' ', "-"));
    fs::copy(&built, &kept).with_context(|| built.display().to_string())?;
    Ok(kept)
}
