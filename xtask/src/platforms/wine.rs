//! Windows, as wine plays it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Result, ensure};

use super::run;
use crate::process;

/// Debian has it outside of `PATH`; what lies there also starts programs of 32 bits, which takes another package.
const WINE: &str = "/usr/lib/wine/wine64";

/// What Debian calls its compiler and its linker for Windows.
pub(super) const COMPILER: &str = "x86_64-w64-mingw32-gcc";

/// How a program ends that needs a library which isn't found (the low byte of Windows' `STATUS_DLL_NOT_FOUND`), before
/// any of its own code runs; no test's end is this one.
const LACKS_A_LIBRARY: i32 = 53;

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
    if windows().join("system.reg").exists() { Ok(()) } else { set_up() }
}

fn set_up() -> Result<()> {
    process::step("set up wine's Windows", command().args(["wineboot", "--init"])).map(drop)
}

/// Runs a program, whatever its status.
///
/// Where its libraries aren't found, Windows wasn't set up whole, which was seen once: it is set up anew, once.
pub(super) fn output(command: &mut Command) -> Result<Output> {
    let output = process::output(command)?;
    if output.status.code() != Some(LACKS_A_LIBRARY) {
        return Ok(output);
    }
    fs::remove_dir_all(windows())?;
    set_up()?;
    process::output(command)
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
