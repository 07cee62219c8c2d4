//! `cargo xtask miri`: the small layers' unit tests in the interpreter that knows pointers' rules.

use anyhow::{Result, ensure};

use crate::process;

/// Runs the small layers' unit tests under Miri; needs the nightly toolchain's component.
#[derive(clap::Args)]
pub(crate) struct Miri {}

impl Miri {
    pub(crate) fn run(self) -> Result<()> {
        let present = process::cargo_of("nightly", &["miri", "--version"]).output();
        ensure!(
            present.is_ok_and(|output| output.status.success()),
            "missing: rustup +nightly component add miri"
        );
        let mut command = process::cargo_of("nightly", &["miri", "test", "--lib"]);
        for package in ["stratalloc-core", "stratalloc-block", "stratalloc-pool", "stratalloc-heap"]
        {
            command.args(["--package", package]);
        }
        process::step("miri", &mut command).map(drop)
    }
}
