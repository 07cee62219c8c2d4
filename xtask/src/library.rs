//! `cargo xtask lib`: the shared library, built as it is shipped.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::process;

/// Builds libstratalloc.so as it is shipped; its path is the last line printed.
#[derive(clap::Args)]
pub(crate) struct Lib {}

impl Lib {
    pub(crate) fn run(self) -> Result<()> {
        println!("{}", build()?.display());
        Ok(())
    }
}

/// Builds the shared library in release, and gives its path.
pub(crate) fn build() -> Result<PathBuf> {
    let package = ["--package", "stratalloc-malloc", "--features", "freestanding"];
    let args = [&["build", "--release"], &package[..]].concat();
    process::step("build libstratalloc.so", &mut process::cargo(&args))?;
    let library = process::target_dir().join("release/libstratalloc.so");
    ensure!(library.is_file(), "{} was not built", library.display());
    Ok(library)
}
