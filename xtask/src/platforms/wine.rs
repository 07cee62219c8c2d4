//! Windows, as wine plays it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};

use super::run;
use crate::process;

/// Debian has it outside of `PATH`; what lies there also starts programs of 32 bits, which takes another package.
const WINE: &str = "/usr/lib/wine/wine64";

/// What Debian calls its compiler and its linker for Windows.
pub(super) const COMPILER: &str = "x86_64-w64-mingw32-gcc";

/// Makes sure that wine is here, that its Windows is set up, and that a library which it lacks lies beside the programs.
pub(super) fn prepare(programs: &Path) -> Result<()> {
    if !Path::new(WINE).exists() {
        process::install(&["wine64"], "`wine64` is missing")?;
    }
    ensure!(Path::new(WINE).exists(), "`{WINE}` is not in Debian's package wine64");
    let mut compiler = Command::new(COMPILER);
    compiler.args(["-shared", "-O1", "-Wall", "-Werror", "-o"]);
    compiler.arg(programs.join("bcryptprimitives.dll"));
    compiler.arg(process::root().join("benches/platforms/wine/bcryptprimitives.c"));
    process::step("the library that wine lacks", compiler.arg("-ladvapi32"))?;
    if !windows().join("system.reg").exists() {
        process::step("set up wine's Windows", command().args(["wineboot", "--init"]))?;
    }
    Ok(())
}

/// A command that lacks the program to start.
pub(super) fn command() -> Command {
    let mut command = run::bounded(WINE);
    command.env("WINEPREFIX", windows()).env("WINEDEBUG", "-all");
    // Neither .NET nor a browser, which it would ask to download, nor a debugger for programs that are to abort.
    command.env("WINEDLLOVERRIDES", "mscoree,mshtml,winedbg.exe=").env_remove("DISPLAY");
    command
}

/// Where its Windows lies.
fn windows() -> PathBuf {
    process::target_dir().join("wine")
}
