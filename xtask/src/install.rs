//! `cargo xtask install`: the libraries and what other build systems need to find them.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{library, process};

/// Installs the libraries, the header, and the files for pkg-config and CMake.
#[derive(clap::Args)]
pub(crate) struct Install {
    /// Where `lib` and `include` are to be.
    #[arg(long, default_value = "/usr/local")]
    prefix: PathBuf,
}

impl Install {
    pub(crate) fn run(self) -> Result<()> {
        let shared = library::build()?;
        let sources = process::root().join("crates/malloc");
        let (lib, include) = (self.prefix.join("lib"), self.prefix.join("include"));
        let version = env!("CARGO_PKG_VERSION");

        copy(&shared, &lib.join(format!("libstratalloc.so.{version}")))?;
        link(&format!("libstratalloc.so.{version}"), &lib.join("libstratalloc.so.0"))?;
        link("libstratalloc.so.0", &lib.join("libstratalloc.so"))?;
        copy(&shared.with_extension("a"), &lib.join("libstratalloc.a"))?;
        copy(&sources.join("include/stratalloc.h"), &include.join("stratalloc.h"))?;

        let prefix = std::path::absolute(&self.prefix)?;
        let fill = |template: &str, to: PathBuf| {
            let text = fs::read_to_string(sources.join(template))?;
            let text = text.replace("@VERSION@", version);
            write(&to, &text.replace("@PREFIX@", &prefix.to_string_lossy()))
        };
        fill("stratalloc.pc.in", lib.join("pkgconfig/stratalloc.pc"))?;
        fill("stratallocConfig.cmake.in", lib.join("cmake/stratalloc/stratallocConfig.cmake"))?;
        println!("{}", lib.join("libstratalloc.so").display());
        Ok(())
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    make_folder_of(to)?;
    // A library in use is replaced, not written over.
    let _ = fs::remove_file(to);
    fs::copy(from, to).with_context(|| format!("{} to {}", from.display(), to.display()))?;
    Ok(())
}

fn link(target: &str, link: &Path) -> Result<()> {
    let _ = fs::remove_file(link);
    symlink(target, link).with_context(|| link.display().to_string())
}

fn write(to: &Path, text: &str) -> Result<()> {
    make_folder_of(to)?;
    fs::write(to, text).with_context(|| to.display().to_string())
}

fn make_folder_of(file: &Path) -> Result<()> {
    let folder = file.parent().expect("a file in a folder");
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}
