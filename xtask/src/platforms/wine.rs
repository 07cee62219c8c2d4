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

/// Where its Windows has its libraries.
const LIBRARIES: &str = "drive_c/windows/system32";

/// Makes sure that wine is here, and that its Windows is set up, with a library that wine lacks.
pub(super) fn prepare() -> Result<()> {
    if !Path::new(WINE).exists() {
        process::install(&["wine64"], "`wine64` is missing")?;
    }
    ensure!(Path::new(WINE).exists(), "`{WINE}` is not in Debian's package wine64");
    if !windows().join("system.reg").exists() {
        process::step("set up wine's Windows", command().args(["wineboot", "--init"]))?;
    }
    let mut compiler = Command::new(COMPILER);
    compiler.args(["-shared", "-O1", "-Wall", "-Werror", "-o"]);
    // Not beside the programs, which don't all lie in one folder.
    compiler.arg(windows().join(LIBRARIES).join("bcryptprimitives.dll"));
    compiler.arg(process::root().join("benches/platforms/wine/bcryptprimitives.c"));
    process::step("the library that wine lacks", compiler.arg("-ladvapi32")).map(drop)
}

/// A command that lacks the program to start.
pub(super) fn command() -> Command {
    let mut command = run::bounded(WINE);
    // All that it says is which library isn't found.
    command.env("WINEPREFIX", windows()).env("WINEDEBUG", "-all,err+module");
    // Neither .NET nor a browser, which it would ask to download, nor a debugger for programs that are to abort.
    command.env("WINEDLLOVERRIDES", "mscoree,mshtml,winedbg.exe=").env_remove("DISPLAY");
    command
}

/// Where its Windows lies.
fn windows() -> PathBuf {
    process::target_dir().join("wine")
}
