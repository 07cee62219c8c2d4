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
    ALL.iter().copied().flatten()
}

/// The workload called `name`.
pub fn find(name: &str) -> Option<&'static Workload> {
    all().find(|workload| workload.name == name)
}

/// One line for each file of `workloads/` and `programs/`.
const ALL: &[&[Workload]] = &[
    workloads::pairs::ALL,
    workloads::replace_local::ALL,
    workloads::replace_handover::ALL,
    workloads::producer_consumer::ALL,
    workloads::batches::ALL,
    workloads::bursts::ALL,
    workloads::mixed_exchange::ALL,
    workloads::retained_exchange::ALL,
    workloads::false_sharing::ALL,
    workloads::bignum::ALL,
    workloads::logic::ALL,
    workloads::trees::ALL,
    workloads::strings::ALL,
    workloads::vectors::ALL,
    workloads::large::ALL,
    workloads::short_threads::ALL,
    workloads::cliffs::ALL,
    workloads::seed::ALL,
    programs::delaunay::ALL,
    programs::polygons::ALL,
    programs::rtree::ALL,
    programs::bvh::ALL,
    programs::mesh::ALL,
    programs::json::ALL,
    programs::regexes::ALL,
    programs::maps::ALL,
    programs::channels::ALL,
    programs::tasks::ALL,
    programs::syntax::ALL,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Size, all};
    use crate::plan::Plan;

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
