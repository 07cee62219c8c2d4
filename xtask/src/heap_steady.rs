//! `cargo xtask heap-steady [LIVE…]`: what a request costs as the heap fills.

use std::ffi::OsString;

use anyhow::Result;

use crate::replay::become_replayer;

/// Prints the heap's speed as blocks are replaced at random among 1,000 to 10 million live ones.
#[derive(clap::Args)]
pub(crate) struct HeapSteady {
    /// How many blocks are live, in turn; 1,000 to 10 million if none is given.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    live: Vec<u64>,
}

impl HeapSteady {
    pub(crate) fn run(self) -> Result<()> {
        let live: Vec<_> = self.live.iter().map(|live| OsString::from(live.to_string())).collect();
        become_replayer("steady", &live)
    }
}
