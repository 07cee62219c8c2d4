//! The tables in the page about platforms.

use std::{fs, path::PathBuf};

use anyhow::{Result, ensure};

use crate::{marks, process};

/// The rows of both tables, each a line of Markdown.
#[derive(Default)]
pub(super) struct Tables {
    /// A target, and the kind of allocator that it has.
    pub(super) targets: Vec<String>,
    /// A target, the emulator with what it plays, and what ran there.
    pub(super) runs: Vec<String>,
}

impl Tables {
    /// Writes both into their page.
    pub(super) fn write(&self) -> Result<()> {
        let text = fs::read_to_string(page())?;
        let targets = ["| target | kind |\n|---|---|\n", &self.targets.concat()].concat();
        let runs = ["| target | by | what passed |\n|---|---|---|\n", &self.runs.concat()].concat();
        let text = marks::insert(&text, "targets", &targets)?;
        Ok(fs::write(page(), marks::insert(&text, "runs", &runs)?)?)
    }

    /// Each row must stand in the page.
    pub(super) fn compare(&self) -> Result<()> {
        let text = fs::read_to_string(page())?;
        for row in self.targets.iter().chain(&self.runs) {
            ensure!(text.contains(row), "{} lacks the row {row}", page().display());
        }
        Ok(())
    }
}

fn page() -> PathBuf {
    process::root().join("docs/PLATFORMS.md")
}
