//! `cargo xtask heap-steady [LIVE…]`: what a request costs as the heap fills.

use std::ffi::OsString;

use anyhow::Result;

use crate::replay::become_replayer;

/// Prints the heap's speed as blocks are replaced at random among 1,000 to 10 million live ones.
#[derive(clap::Args)]
pub(crate) struct HeapSteady {
    /// How many blocks are live, in turn; 1,000 to 10 million if none is given.
    live: Vec<OsString>,
}

impl HeapSteady {
    pub(crate) fn run(self) -> Result<()> {
        become_replayer("steady", &self.live)
    }
}
