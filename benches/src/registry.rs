//! Every workload, in the order of the tables.

use crate::workload::{MemoryWorkload, Workload};
use crate::{memory, programs, workloads};

/// Every workload there is.
pub fn all() -> impl Iterator<Item = &'static Workload> {
    [workloads::ALL, programs::ALL].into_iter().flatten().copied().flatten()
}

/// The workload called `name`.
pub fn find(name: &str) -> Option<&'static Workload> {
    all().find(|workload| workload.name == name)
}

/// Every workload whose memory is looked at as it runs.
pub fn all_of_memory() -> impl Iterator<Item = &'static MemoryWorkload> {
    memory::ALL.iter().copied().flatten()
}

/// The one of them called `name`.
pub fn find_of_memory(name: &str) -> Option<&'static MemoryWorkload> {
    all_of_memory().find(|workload| workload.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{all, all_of_memory};
    use crate::phases::Phases;
    use crate::plan::Plan;
    use crate::workload::Size;
    use crate::{memory, programs, workloads};

    /// A file that is in a folder but in no list would never be measured.
    #[test]
    fn every_file_is_listed() -> std::io::Result<()> {
        let folders = [
            ("workloads", workloads::ALL.len()),
            ("programs", programs::ALL.len()),
            ("memory", memory::ALL.len()),
        ];
        for (folder, listed) in folders {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
            assert_eq!(std::fs::read_dir(path)?.count() - 1, listed, "{folder}/mod.rs");
        }
        Ok(())
    }

    #[test]
    fn names_are_unique() {
        let names = || all().map(|one| one.name).chain(all_of_memory().map(|one| one.name));
        assert_eq!(names().collect::<BTreeSet<_>>().len(), names().count());
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

    /// The names of what was looked at are those of the tables, so they must not depend on the run either.
    #[test]
    fn every_workload_of_memory_repeats_its_checksum_and_phases() {
        let plan = Plan { threads: 1, scale: 1, seed: 3 };
        for workload in all_of_memory().filter(|workload| workload.size == Size::Quick) {
            let run = |plan: &Plan| {
                let mut phases = Phases::begin(plan, 0, Some(|| ()));
                let checksum = (workload.run)(&mut phases);
                let names: Vec<_> = phases.looks().into_iter().map(|look| look.phase).collect();
                (checksum, names)
            };
            let first = run(&plan);
            assert!(first.0 != 0 && first.1.len() > 2, "{}", workload.name);
            assert_eq!(first, run(&plan), "{} does not repeat", workload.name);
            let other = run(&Plan { seed: 4, ..plan });
            assert_ne!(first.0, other.0, "{} ignores its seed", workload.name);
        }
    }
}
