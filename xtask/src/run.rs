//! `cargo xtask run -- PROGRAM ARGS`: any program under the library.

use std::{ffi::OsString, os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result};

use crate::library;

/// Runs a program under the library, in the current folder.
#[derive(clap::Args)]
pub(crate) struct Run {
    /// The program and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<OsString>,
}

impl Run {
    pub(crate) fn run(self) -> Result<()> {
        let library = library::build()?;
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).env("LD_PRELOAD", library);
        // The program takes this process's place, and with it its terminal and exit status.
        Err(command.exec()).with_context(|| self.program[0].to_string_lossy().into_owned())
    }
}
