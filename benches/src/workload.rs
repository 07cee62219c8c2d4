//! What a workload is: a program that is the same for every allocator, as data.

use crate::phases::Phases;
use crate::plan::{Outcome, Plan};

/// A program that is the same for every allocator.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Its name in tables and on the command line: lower case and dashes.
    pub name: &'static str,
    /// What kind of program it is.
    pub level: Level,
    /// One line on what it does and which known benchmark it is a kind of.
    pub about: &'static str,
    /// Numbers of threads it is usually run with.
    pub threads: &'static [usize],
    /// How dear a run is.
    pub size: Size,
    /// Does the work of a plan.
    pub run: fn(&Plan) -> Outcome,
}

/// What a workload stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// `malloc` and `free` in a tight loop, for counting a library's instructions.
    Bar,
    /// One pattern of requests in a tight loop, for counting instructions.
    Loop,
    /// A small program of a kind that the field measures with.
    Kind,
    /// The workloads that the arenas were first written for.
    Seed,
    /// Real work done by published crates.
    Program,
}

/// How dear a run of a workload is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Size {
    /// Part of every comparison.
    Quick,
    /// Seconds or gigabytes a run: left out of quick comparisons.
    Long,
    /// Only when asked for by name.
    Asked,
}

impl Workload {
    /// Real work that is run with 2 and with 8 threads.
    pub(crate) const fn program(
        name: &'static str,
        about: &'static str,
        run: fn(&Plan) -> Outcome,
    ) -> Self {
        Self { name, level: Level::Program, about, threads: &[2, 8], size: Size::Quick, run }
    }
}

impl Level {
    /// Its name in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bar => "bar",
            Self::Loop => "loop",
            Self::Kind => "kind",
            Self::Seed => "seed",
            Self::Program => "program",
        }
    }
}

impl Size {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Long => "long",
            Self::Asked => "asked",
        }
    }
}

/// A program whose memory is looked at as it runs; the same for every allocator.
#[derive(Clone, Copy, Debug)]
pub struct MemoryWorkload {
    /// Its name in tables and on the command line: lower case and dashes.
    pub name: &'static str,
    /// One line on what it does.
    pub about: &'static str,
    /// How dear a run is.
    pub size: Size,
    /// Does the work, ends its phases, and gives a checksum.
    pub run: fn(&mut Phases) -> u64,
}
