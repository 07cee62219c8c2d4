//! `cargo xtask platforms`: the library for machines and systems other than this one, compiled and run by emulators.

mod bare;
mod checks;
mod compiled;
mod emulated;
mod emulator;
mod here;
mod library;
pub(crate) mod lld;
mod musl;
mod node;
mod page;
mod run;
mod runs;
mod suite;
mod target;
mod wine;

use anyhow::{Result, ensure};

use crate::nostd;
use runs::RUNS;
use target::TARGETS;

/// Checks that the front door compiles for other targets, which way it takes there, and runs what emulators can.
#[derive(clap::Args)]
pub(crate) struct Platforms {
    /// Write the tables of all targets into their pages, once all of it went well.
    #[arg(long)]
    write: bool,
    /// What CI does: it compiles for one target of each system, and runs what runs quickly.
    #[arg(long, conflicts_with = "write")]
    quick: bool,
    /// Only targets with one of these in their name, as `aarch64` or `windows`.
    #[arg(conflicts_with_all = ["write", "quick"])]
    targets: Vec<String>,
}

impl Platforms {
    pub(crate) fn quick() -> Self {
        Self { write: false, quick: true, targets: Vec::new() }
    }

    pub(crate) fn run(self) -> Result<()> {
        nostd::need_sources()?;
        let named = |name: &str| {
            self.targets.is_empty() || self.targets.iter().any(|part| name.contains(part))
        };
        let known: Vec<_> = TARGETS.iter().filter(|target| named(target.name)).collect();
        ensure!(!known.is_empty(), "no target has that in its name");
        let wanted: Vec<_> =
            known.into_iter().filter(|target| !self.quick || target.quick).collect();
        compiled::check(&wanted, self.quick)?;
        for run in RUNS.iter().filter(|run| named(run.target)) {
            run.run(self.quick)?;
        }
        if self.write { page::write(&TARGETS, &RUNS) } else { Ok(()) }
    }
}
