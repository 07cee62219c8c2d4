//! From looks to rows: what every allocator held at the end of a phase.

use std::collections::BTreeMap;

use stratalloc_samples::Look;

use crate::bench::{
    allocators::{OWN, PEERS},
    record::Record,
    spread::median,
};

/// Less than this is as good as nothing: ratios are taken to no smaller figure, in KiB.
const NOTHING: f64 = 1_024.0;

/// The end of one phase of one workload.
#[derive(Clone, Debug)]
pub(crate) struct Phase {
    pub(crate) workload: String,
    /// Work done, in percent of the standard amount.
    pub(crate) scale: usize,
    pub(crate) name: String,
    /// By allocator.
    pub(crate) cells: BTreeMap<String, Held>,
}

/// What one allocator held: medians over its runs, beyond what its process held before it began. Sizes in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Held {
    /// In use by the workload. It is the same for everybody, but where the worst of several looks was kept.
    pub(crate) live: f64,
    pub(crate) resident: f64,
    pub(crate) huge: f64,
    pub(crate) page_tables: f64,
    pub(crate) mappings: f64,
    pub(crate) faults: f64,
    /// Nothing where the kernel didn't count.
    pub(crate) madvise: Option<f64>,
}

impl Phase {
    /// What ours holds over the least of its [`PEERS`], both for what lives, and who that is.
    pub(crate) fn over_best(&self) -> Option<(f64, &'static str)> {
        let (ours, best) = (self.cells.get(OWN)?, self.best()?);
        Some((ours.over_live() / self.cells.get(best)?.over_live(), best))
    }

    /// What lives, in KiB, on a typical allocator.
    pub(crate) fn live(&self) -> f64 {
        median(self.cells.values().map(|held| held.live).collect())
    }

    /// The one of [`PEERS`] that holds least.
    pub(crate) fn best(&self) -> Option<&'static str> {
        let over_live = |name: &str| Some(self.cells.get(name)?.over_live());
        let ran = PEERS.into_iter().filter_map(|name| Some((name, over_live(name)?)));
        ran.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(name, _)| name)
    }
}

impl Held {
    /// Resident memory over what lives; over a MiB where less does.
    pub(crate) fn over_live(&self) -> f64 {
        ratio(self.resident, self.live)
    }
}

/// One figure in KiB over another.
pub(crate) fn ratio(one: f64, other: f64) -> f64 {
    one.max(NOTHING) / other.max(NOTHING)
}

/// The phases of every workload of a record, in the order of running.
pub(crate) fn phases(record: &Record) -> Vec<Phase> {
    let mut workloads: Vec<(String, Vec<Phase>)> = Vec::new();
    let mut looks: BTreeMap<(String, String, String), Vec<Held>> = BTreeMap::new();
    for run in record.memory().map(|memory| &memory.run) {
        let index = workloads.iter().position(|(name, _)| *name == run.workload);
        let index = index.unwrap_or_else(|| {
            workloads.push((run.workload.clone(), Vec::new()));
            workloads.len() - 1
        });
        let Some((base, seen)) = run.looks.split_first() else { continue };
        for look in seen {
            let known = &mut workloads[index].1;
            if !known.iter().any(|phase| phase.name == look.phase) {
                known.push(Phase {
                    workload: run.workload.clone(),
                    scale: run.scale,
                    name: look.phase.clone(),
                    cells: BTreeMap::new(),
                });
            }
            let key = (run.workload.clone(), look.phase.clone(), run.allocator.clone());
            looks.entry(key).or_default().push(since(base, look));
        }
    }
    let mut phases: Vec<Phase> = workloads.into_iter().flat_map(|(_, phases)| phases).collect();
    for phase in &mut phases {
        for allocator in &record.header.allocators {
            let key = (phase.workload.clone(), phase.name.clone(), allocator.clone());
            let held = looks.get(&key).map(|runs| middle(runs));
            phase.cells.extend(held.map(|held| (allocator.clone(), held)));
        }
    }
    phases
}

/// What was held at a look beyond the first.
fn since(base: &Look, look: &Look) -> Held {
    let more = |of: fn(&Look) -> u64| of(look).saturating_sub(of(base)) as f64;
    let calls = look.madvise.zip(base.madvise);
    Held {
        live: look.live_kib as f64,
        resident: more(|look| look.resident_kib),
        huge: more(|look| look.huge_kib),
        page_tables: more(|look| look.page_tables_kib),
        mappings: more(|look| look.mappings),
        faults: more(|look| look.faults),
        madvise: calls.map(|(calls, before)| calls.saturating_sub(before) as f64),
    }
}

/// The median of each figure.
fn middle(runs: &[Held]) -> Held {
    let of = |figure: fn(&Held) -> f64| median(runs.iter().map(figure).collect());
    let calls: Option<Vec<f64>> = runs.iter().map(|held| held.madvise).collect();
    Held {
        live: of(|held| held.live),
        resident: of(|held| held.resident),
        huge: of(|held| held.huge),
        page_tables: of(|held| held.page_tables),
        mappings: of(|held| held.mappings),
        faults: of(|held| held.faults),
        madvise: calls.map(median),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use stratalloc_samples::{Look, MemoryRun};

    use super::{phases, ratio};
    use crate::bench::record::{Line, Memory, Record};

    /// A record of one workload on three allocators, ours among them; one of them can't be trimmed.
    pub(crate) fn fixture() -> Record {
        let mut record = crate::bench::report::fixture();
        record.header.allocators = ["jemalloc", "stratalloc", "system"].map(str::to_owned).to_vec();
        let look = |phase: &str, live_kib, resident_kib| Look {
            phase: phase.to_owned(),
            at_ms: resident_kib / 100,
            live_kib,
            resident_kib,
            page_tables_kib: resident_kib / 100,
            mappings: 20,
            faults: resident_kib / 4,
            ..Look::default()
        };
        let run = |allocator: &str, full: u64, trimmed: Option<u64>| {
            let mut looks = vec![look("start", 0, 1_000), look("filled", 10_000, 1_000 + full)];
            looks.extend(trimmed.map(|trimmed| look("trimmed", 0, 1_000 + trimmed)));
            let (workload, allocator) = ("table".to_owned(), allocator.to_owned());
            let run = MemoryRun { workload, allocator, scale: 100, checksum: 7, looks };
            Line::Memory(Memory { run, curve: vec![(1, 1_000), (20, 1_000 + full as u32)] })
        };
        record.lines = vec![
            run("jemalloc", 20_000, None),
            run("stratalloc", 15_000, Some(3_072)),
            run("system", 12_000, Some(0)),
        ];
        record
    }

    #[test]
    fn phases_are_over_the_start_and_set_against_the_best_peer() {
        let phases = phases(&fixture());
        assert_eq!(phases.len(), 2);
        assert_eq!((phases[0].name.as_str(), phases[0].live()), ("filled", 10_000.0));
        assert!((phases[0].cells["stratalloc"].resident - 15_000.0).abs() < 1e-9);
        assert_eq!(phases[0].over_best(), Some((1.25, "system")));
        // A peer that holds nothing is taken for one with a MiB.
        assert_eq!(phases[1].over_best(), Some((3.0, "system")));
        assert!(!phases[1].cells.contains_key("jemalloc"));
    }

    #[test]
    fn next_to_nothing_is_no_ratio() {
        assert!((ratio(5.0, 0.0) - 1.0).abs() < 1e-9 && (ratio(4_096.0, 5.0) - 4.0).abs() < 1e-9);
    }
}
