//! The linker that comes with Rust, for targets that no C compiler is needed for.

use std::{env, path::PathBuf, process::Command};

use anyhow::{Result, ensure};

use crate::process;

/// Returns where the workspace's toolchain has it: Debian's, which builds for these targets, has none.
pub(crate) fn find() -> Result<PathBuf> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let print = |what| process::said(Command::new(&rustc).args(["--print", what]));
    let rustlib = PathBuf::from(print("sysroot")?).join("lib/rustlib");
    let linker = rustlib.join(print("host-tuple")?).join("bin/rust-lld");
    ensure!(linker.is_file(), "the toolchain has no `rust-lld`: {}", linker.display());
    Ok(linker)
}
