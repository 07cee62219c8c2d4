//! `cargo xtask install`: the libraries and what other build systems need to find them.

mod debian;
mod tree;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::process;
use tree::{Built, Tree};

/// Installs the libraries, the header, the manual page, and the files for pkg-config and CMake.
#[derive(clap::Args)]
pub(crate) struct Install {
    /// Where `lib`, `include` and `share` are to be.
    #[arg(long, default_value = "/usr/local")]
    prefix: PathBuf,
    /// Writes Debian packages of them to this folder instead.
    #[arg(long, value_name = "FOLDER", conflicts_with = "prefix")]
    deb: Option<PathBuf>,
}

impl Install {
    pub(crate) fn run(self) -> Result<()> {
        let built = Built::new()?;
        if let Some(folder) = &self.deb {
            for package in debian::write(&built, folder)? {
                println!("{}", package.display());
            }
            return Ok(());
        }
        let prefix = std::path::absolute(&self.prefix)?;
        let tree = Tree { root: Path::new("/"), prefix: &prefix };
        tree.lay_runtime(&built)?;
        tree.lay_development(&built)?;
        println!("{}", prefix.join("lib/libstratalloc.so").display());
        Ok(())
    }
}

/// Packs Debian packages, unpacks them again, and builds and runs a program with what they hold.
pub(crate) fn try_packages() -> Result<()> {
    let built = Built::new()?;
    process::step_checked("the Debian packages", || debian::try_out(&built))
}
