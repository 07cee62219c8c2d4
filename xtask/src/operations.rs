//! `cargo xtask operations`: instructions of single operations of every layer, beside its peers.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Result, ensure};

use crate::{marks, process};

/// The package whose program counts, and the program.
const PACKAGE: &str = "stratalloc-embedded-benches";
const PROGRAM: &str = "operations";

/// Counts the instructions of single operations of blocks, pool, heap and arenas, and of what people use in
/// their place, under callgrind.
#[derive(clap::Args)]
pub(crate) struct Operations {
    /// Count only allocators whose name contains this.
    #[arg(default_value = "")]
    of: String,
    /// A page in which the tables stand between marks, to be brought up to date.
    #[arg(long, conflicts_with = "of")]
    into: Option<PathBuf>,
}

impl Operations {
    pub(crate) fn run(self) -> Result<()> {
        process::need("valgrind", "valgrind")?;
        let mut build =
            process::cargo(&["build", "--release", "--package", PACKAGE, "--bin", PROGRAM]);
        process::step("build what counts", &mut build)?;
        let mut count = Command::new(process::target_dir().join("release").join(PROGRAM));
        let counted = process::step("count", count.arg(&self.of))?;
        let tables = String::from_utf8(counted.stdout)?;
        ensure!(tables.contains("| **"), "no allocator of ours was counted");
        print!("{tables}");
        let Some(page) = self.into else { return Ok(()) };
        let text = marks::insert(&fs::read_to_string(&page)?, "operations", &tables)?;
        Ok(fs::write(&page, text)?)
    }
}
