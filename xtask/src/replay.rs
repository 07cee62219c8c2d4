//! `cargo xtask replay TRACES…`: allocation traces on our heap, its policies and its peers.

use std::{ffi::OsString, os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result};

use crate::process;

/// Prints smallest-heap and high-water utilisation and speed of free-list heaps on allocation
/// traces.
#[derive(clap::Args)]
pub(crate) struct Replay {
    /// Traces (`.rep`), `--allocators NAME,…`, `--check`; `--help` for more.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Replay {
    pub(crate) fn run(self) -> Result<()> {
        become_replayer("replay", &self.arguments)
    }
}

/// Builds the replayer and runs it in this process's place.
pub(crate) fn become_replayer(command: &str, arguments: &[OsString]) -> Result<()> {
    let mut build = process::cargo(&["build", "--release", "--package", "stratalloc-replay"]);
    process::step("build the replayer", &mut build)?;
    let program = process::target_dir().join("release/stratalloc-replay");
    let error = Command::new(&program).arg(command).args(arguments).exec();
    Err(error).with_context(|| program.display().to_string())
}
