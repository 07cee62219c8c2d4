//! `cargo xtask sanitize`: the tests under AddressSanitizer and ThreadSanitizer.

use anyhow::{Result, ensure};

use crate::{nostd, process};

/// Runs the tests under AddressSanitizer and ThreadSanitizer; needs the nightly toolchain.
#[derive(clap::Args)]
pub(crate) struct Sanitize {
    /// AddressSanitizer on the small layers alone.
    #[arg(long)]
    pub(crate) quick: bool,
}

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// The layers that threads share.
const SHARED: [&str; 3] = ["stratalloc-block", "stratalloc-arena", "stratalloc"];

impl Sanitize {
    pub(crate) fn run(self) -> Result<()> {
        ensure!(process::has_toolchain("nightly"), "missing: rustup toolchain install nightly");
        tests("address", &nostd::PACKAGES)?;
        if !self.quick {
            tests("address", &SHARED)?;
            tests("thread", &SHARED)?;
        }
        Ok(())
    }
}

fn tests(sanitizer: &str, packages: &[&str]) -> Result<()> {
    let mut command = process::cargo_of("nightly", &["test", "--lib", "--tests"]);
    command.args(["--target", TARGET, "--target-dir"]);
    command.arg(process::target_dir().join(format!("sanitize-{sanitizer}")));
    command.args(packages.iter().flat_map(|package| ["--package", package]));
    // The standard library isn't built with the sanitizer, which rustc refuses for threads unless
    // told that we know.
    let abi = "-Cunsafe-allow-abi-mismatch=sanitizer";
    command.env("RUSTFLAGS", format!("-Zsanitizer={sanitizer} {abi}"));
    // Tests lend their allocators buffers for the life of the process.
    command.env("ASAN_OPTIONS", "detect_leaks=0");
    process::step(&format!("{sanitizer} sanitizer: {}", packages.join(", ")), &mut command)
        .map(drop)
}
