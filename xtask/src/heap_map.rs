//! `cargo xtask heap-map TRACE`: which bytes of a heap are live, free and overhead.

use std::ffi::OsString;

use anyhow::Result;

use crate::replay::become_replayer;

/// Draws the heap at the peak of a trace, as text and, with `--svg FILE`, as SVG.
#[derive(clap::Args)]
pub(crate) struct HeapMap {
    /// A trace (`.rep`), `--size BYTES`, `--svg FILE`; `--help` for more.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl HeapMap {
    pub(crate) fn run(self) -> Result<()> {
        become_replayer("map", &self.arguments)
    }
}
