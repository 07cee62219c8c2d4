//! C programs with the archive in them, on musl: static, and with the library's own malloc as their only one.

use std::path::Path;

use anyhow::{Result, ensure};

use super::library::Library;
use crate::{process, tally};

/// Builds the archive and runs the programs.
pub(super) fn run(target: &str) -> Result<()> {
    process::need("musl-gcc", "musl-tools")?;
    let built = process::target_dir().join("platforms").join(target).join("release");
    let mut cargo = process::cargo(&["build", "--release", "--package", "stratalloc-malloc"]);
    cargo.args(["--features", "freestanding", "--target", target]);
    Library::Built("core", "").serve(&mut cargo)?;
    process::step(&format!("libstratalloc.a for {target}"), &mut cargo)?;
    try_programs(target, &built.join("libstratalloc.a"))
}

fn try_programs(target: &str, archive: &Path) -> Result<()> {
    let mut cargo = process::cargo(&["test", "--package", "stratalloc-malloc"]);
    cargo.args(["--test", "c_programs", "--", "--ignored", "static_programs_on_musl"]);
    let name = format!("{target}: the C suite");
    let output = process::step(&name, cargo.env("MUSL_ARCHIVE", archive))?;
    ensure!(tally::passed(&String::from_utf8_lossy(&output.stdout)) == 1, "{name}: no test ran");
    Ok(())
}
