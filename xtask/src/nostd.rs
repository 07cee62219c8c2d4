//! `cargo xtask nostd`: the crates that need no operating system, built for a machine without one.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use cargo_metadata::semver::Version;

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
/// How often Debian's packages are asked for, each time with new lists.
const ATTEMPTS: usize = 3;

impl Nostd {
    pub(crate) fn run(self) -> Result<()> {
        need_sources()?;
        process::step(&format!("no_std crates for {TARGET}"), &mut build()).map(drop)
    }
}

/// Makes sure that a compiler with the sources of its library is here, no older than the one that the workspace is built by.
pub(crate) fn need_sources() -> Result<()> {
    let wanted = version(Command::new("rustc").current_dir(process::root()))?;
    let missing = format!("no Rust {wanted} or later with the sources of `core` is here");
    let is_here = || {
        let has_sources = Path::new(SOURCES).exists();
        has_sources && version(&mut Command::new(RUSTC)).is_ok_and(|found| found >= wanted)
    };
    for _ in 0..ATTEMPTS {
        if is_here() {
            return Ok(());
        }
        // Lists that are old, or of which some part couldn't be fetched, have an older one.
        process::update_lists()?;
        process::install(&["rustc-web", "rust-web-src"], &missing)?;
    }
    ensure!(is_here(), "{missing}, and Debian's lists have none");
    Ok(())
}

/// The version of a compiler.
fn version(compiler: &mut Command) -> Result<Version> {
    parsed(&process::said(compiler.arg("--version"))?)
}

/// That of the line in which a compiler says it, as `rustc 1.95.0 (…)`.
fn parsed(line: &str) -> Result<Version> {
    let word = line.split_whitespace().nth(1).context("a compiler says no version")?;
    Ok(Version::parse(word)?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_says_its_version() {
        let found = parsed("rustc 1.96.0 (ac68faa20 2026-05-25)\n").unwrap();
        assert_eq!(found, Version::new(1, 96, 0));
        assert!(found < parsed("rustc 1.100.0").unwrap());
        assert!(parsed("rustc").is_err());
    }
}
