//! `cargo xtask nostd`: the crates that need no operating system, built for a machine without one.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::process;

/// Builds the `no_std` crates for a Cortex-M0. On a Cortex-M4 `cargo xtask platforms` runs them.
#[derive(clap::Args)]
pub(crate) struct Nostd {}

/// A target that has `core` and nothing else, and a processor that can only load and store: it has no other atomic
/// operations.
const TARGET: &str = "thumbv6m-none-eabi";
/// The crates that hold without `std` and `alloc`.
pub(crate) const PACKAGES: [&str; 6] = [
    "stratalloc-core",
    "stratalloc-compose",
    "stratalloc-pages",
    "stratalloc-block",
    "stratalloc-pool",
    "stratalloc-heap",
];

/// A compiler that comes with the sources of `core`, so that it can be built for any target.
const RUSTC: &str = "/usr/bin/rustc";
const SOURCES: &str = "/usr/lib/rustlib/src/rust/library/core";

impl Nostd {
    pub(crate) fn run(self) -> Result<()> {
        need_sources()?;
        process::step(&format!("no_std crates for {TARGET}"), &mut build()).map(drop)
    }
}

/// Makes sure that a compiler with the sources of its library is here.
pub(crate) fn need_sources() -> Result<()> {
    if !Path::new(RUSTC).exists() || !Path::new(SOURCES).exists() {
        process::install(&["rustc-web", "rust-web-src"], "the sources of `core` are missing")?;
    }
    Ok(())
}

/// Has cargo build with that compiler, and its library too where it is told to.
pub(crate) fn with_sources(command: &mut Command) {
    command.env("RUSTC", RUSTC).env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTUP_TOOLCHAIN");
}

fn build() -> Command {
    let mut command = process::cargo(&["build", "-Zbuild-std=core", "--no-default-features"]);
    command.args(["--target", TARGET]);
    command.arg("--target-dir").arg(process::target_dir().join("nostd"));
    command.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    with_sources(&mut command);
    command
}
