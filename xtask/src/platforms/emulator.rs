//! What starts programs that are built for another processor or another system.

use std::process::Command;

use anyhow::Result;

use super::{run, wine};
use crate::process;

/// An emulator: qemu for a processor, wine for Windows.
pub(super) enum Emulator {
    /// A program that passes system calls on, and where the target's shared libraries lie.
    Qemu {
        program: &'static str,
        root: &'static str,
    },
    Wine,
}

impl Emulator {
    /// Its name, in the words of a table.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Qemu { program, .. } => program,
            Self::Wine => "wine64",
        }
    }

    /// Makes sure that it is here.
    pub(super) fn prepare(&self) -> Result<()> {
        match self {
            Self::Qemu { program, .. } => process::need(program, "qemu-user").map(drop),
            Self::Wine => wine::prepare(),
        }
    }

    /// Whether it translates each instruction, which makes programs slow.
    pub(super) fn translates(&self) -> bool {
        matches!(self, Self::Qemu { .. })
    }

    /// A command that lacks the program to start.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        match self {
            Self::Qemu { program, root } => {
                let mut command = run::bounded(program);
                command.args(["-L", root]).args(arguments);
                command
            }
            Self::Wine => wine::command(),
        }
    }
}
