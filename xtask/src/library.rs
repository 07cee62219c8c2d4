//! `cargo xtask lib`: the shared library, built as it is shipped.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::process;

/// Builds libstratalloc.so as it is shipped; its path is the last line printed.
#[derive(clap::Args)]
pub(crate) struct Lib {
    /// With a check on every free.
    #[arg(long, conflicts_with_all = ["hardened", "paranoid"])]
    checked: bool,
    /// With checks on every free and at every block's end, at several times the cost.
    #[arg(long, conflicts_with = "paranoid")]
    hardened: bool,
    /// With freed blocks that wait besides, and blocks in random order.
    #[arg(long)]
    paranoid: bool,
}

impl Lib {
    pub(crate) fn run(self) -> Result<()> {
        let library = match (self.checked, self.hardened, self.paranoid) {
            (true, ..) => build_checked()?,
            (_, true, _) => build_hardened()?,
            (.., true) => build_paranoid()?,
            _ => build()?,
        };
        println!("{}", library.display());
        Ok(())
    }
}

/// Builds the shared library in release, and gives its path.
pub(crate) fn build() -> Result<PathBuf> {
    build_with("freestanding", &process::target_dir())
}

/// The same with the feature `checked`, in a folder of its own.
pub(crate) fn build_checked() -> Result<PathBuf> {
    build_with("freestanding,checked", &process::target_dir().join("checked"))
}

/// The same with the feature `hardened`, in a folder of its own.
pub(crate) fn build_hardened() -> Result<PathBuf> {
    build_with("freestanding,hardened", &process::target_dir().join("hardened"))
}

/// The same with the feature `paranoid`, in a folder of its own.
pub(crate) fn build_paranoid() -> Result<PathBuf> {
    build_with("freestanding,paranoid", &process::target_dir().join("paranoid"))
}

fn build_with(features: &str, folder: &Path) -> Result<PathBuf> {
    let mut cargo = process::cargo(&["build", "--release", "--package", "stratalloc-malloc"]);
    cargo.args(["--features", features, "--target-dir"]).arg(folder);
    process::step("build libstratalloc.so", &mut cargo)?;
    let library = folder.join("release/libstratalloc.so");
    ensure!(library.is_file(), "{} was not built", library.display());
    Ok(library)
}
