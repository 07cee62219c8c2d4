//! `cargo xtask nostd`: the crates that need no operating system, built for a machine without one.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};

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
/// Debian's packages that have both.
const COMPILER: [&str; 2] = ["rustc-web", "rust-web-src"];
/// How often they are asked for, each time with new lists.
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
        process::install(&COMPILER, "the sources of `core` are missing")?;
    }
    let (major, minor) = wanted;
    ensure!(
        is_here(),
        "{RUSTC} is older than {major}.{minor}: apt-get install {}",
        COMPILER.join(" ")
    );
    Ok(())
}

/// The version of a compiler: the major and the minor number.
fn version(compiler: &mut Command) -> Result<(u32, u32)> {
    let output = process::output(compiler.arg("--version"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    parsed(&said).with_context(|| format!("no version: {said}"))
}

/// That of the line in which a compiler says it, as `rustc 1.95.0 (…)`.
fn parsed(line: &str) -> Option<(u32, u32)> {
    let mut numbers = line.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
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
        assert_eq!(parsed("rustc 1.95.0 (59807616e 2026-04-14)\n"), Some((1, 95)));
        assert_eq!(parsed("rustc 1.96.0-nightly"), Some((1, 96)));
        assert_eq!(parsed("rustc"), None);
    }

    #[test]
    fn the_next_version_is_no_older_in_whatever_digits() {
        assert!(parsed("rustc 1.100.0") > parsed("rustc 1.95.0"));
    }
}
