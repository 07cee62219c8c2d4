//! Every workload, in the order of the tables.

use crate::plan::{Outcome, Plan};
use crate::{programs, workloads};

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

impl Level {
    /// Its name in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
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

/// Every workload there is.
pub fn all() -> impl Iterator<Item = &'static Workload> {
    [workloads::ALL, programs::ALL].into_iter().flatten().copied().flatten()
}

/// The workload called `name`.
pub fn find(name: &str) -> Option<&'static Workload> {
    all().find(|workload| workload.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Size, all};
    use crate::plan::Plan;
    use crate::{programs, workloads};

    /// A file that is in a folder but in no list would never be measured.
    #[test]
    fn every_file_is_listed() -> std::io::Result<()> {
        for (folder, listed) in [("workloads", workloads::ALL), ("programs", programs::ALL)] {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
            assert_eq!(std::fs::read_dir(path)?.count() - 1, listed.len(), "{folder}/mod.rs");
        }
        Ok(())
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = all().map(|workload| workload.name).collect();
        assert_eq!(names.len(), all().count());
    }

    /// The checksum is what tells a broken allocator from a fast one, so it must depend on nothing else.
    #[test]
    fn every_workload_repeats_its_checksum() {
        for workload in all().filter(|workload| workload.size == Size::Quick) {
            let plan = Plan { threads: workload.threads[0], scale: 1, seed: 3 };
            let first = (workload.run)(&plan);
            assert!(first.ops > 0 && first.checksum != 0, "{} does nothing", workload.name);
            assert_eq!(first, (workload.run)(&plan), "{} does not repeat", workload.name);
            let other = (workload.run)(&Plan { seed: 4, ..plan });
            assert_ne!(first.checksum, other.checksum, "{} ignores its seed", workload.name);
        }
    }
}
