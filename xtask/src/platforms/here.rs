//! The same tests on this machine, which needs no emulator.

use anyhow::{Result, ensure};

use crate::{process, tally};

/// Runs them, built by the workspace's own toolchain.
pub(super) fn run(target: &str) -> Result<()> {
    let mut cargo = process::cargo(&["test", "--package", "stratalloc-platforms", "--tests"]);
    let output = process::step(&format!("{target}: conformance, program"), &mut cargo)?;
    ensure!(tally::passed(&String::from_utf8_lossy(&output.stdout)) > 0, "no test ran");
    Ok(())
}
