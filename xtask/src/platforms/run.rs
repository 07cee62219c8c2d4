//! What all programs for other targets have in common: how they are built, linked and started.

use std::{ffi::OsStr, process::Command};

/// How long a program may take, in seconds: far more than the slowest does.
const LIMIT: &str = "1800";

/// A command that starts a program, and ends it where it hangs.
pub(super) fn bounded(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", LIMIT]).arg(program);
    command
}

/// Has cargo build programs that are quick to build: not optimized, but where they are to be `bearable` under an emulator
/// that translates each instruction.
pub(super) fn make_quick(cargo: &mut Command, bearable: bool) {
    cargo.env("CARGO_PROFILE_DEV_OPT_LEVEL", if bearable { "1" } else { "0" });
    cargo.env("CARGO_PROFILE_DEV_DEBUG", "0");
}

/// Has cargo link for a target with this linker.
pub(super) fn link_with(cargo: &mut Command, target: &str, linker: impl AsRef<OsStr>) {
    let target = target.to_uppercase().replace('-', "_");
    cargo.env(format!("CARGO_TARGET_{target}_LINKER"), linker);
}
