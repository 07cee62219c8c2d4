//! What memory is to be held to, row by row, and whether it is.

use super::phases::{Held, Phase, ratio};
use crate::bench::allocators::OWN;

/// What each figure of ours may be at most.
#[derive(Clone, Copy, Debug)]
enum Limit {
    /// So many times what lives.
    Live(f64),
    /// So many times the least of the peers.
    Best(f64),
    /// So many times another allocator's.
    Of(&'static str, f64),
    /// MiB.
    Mib(f64),
    /// KiB for each of so many threads, at the standard amount of work.
    KibEach(f64, usize),
}

#[derive(Clone, Copy, Debug)]
enum Figure {
    Resident,
    PageTables,
}

/// A goal at the ends of some phases of some workloads.
#[derive(Clone, Copy, Debug)]
struct Goal {
    /// The name of a workload, or the beginning of several names before a `*`.
    workloads: &'static str,
    /// The name of a phase, likewise.
    phases: &'static str,
    figure: Figure,
    limit: Limit,
}

const fn resident(workloads: &'static str, phases: &'static str, limit: Limit) -> Goal {
    Goal { workloads, phases, figure: Figure::Resident, limit }
}

/// What the allocator keeps by default, and a tenth: in MiB, as `Config::keep` has it.
const KEPT: f64 = 32.0 * 1.1;

/// Every goal.
const GOALS: [Goal; 23] = [
    resident("cache-*", "replacing", Limit::Best(1.15)),
    resident("sparse-*", "tables*", Limit::Live(4.0)),
    resident("filled-*", "filled", Limit::Live(1.10)),
    resident("shrunk-vector", "shrinking", Limit::Live(1.10)),
    resident("shrunk-vector", "at *", Limit::Live(1.10)),
    resident("shrunk-vectors", "shrunk", Limit::Live(1.10)),
    resident("threads-10", "at work", Limit::Of("jemalloc", 1.2)),
    Goal {
        workloads: "threads-10",
        phases: "at work",
        figure: Figure::PageTables,
        limit: Limit::Of("jemalloc", 5.0),
    },
    resident("threads-*", "ended", Limit::Mib(KEPT)),
    resident("threads-10", "ended", Limit::Of("jemalloc", 1.5)),
    resident("threads-3000", "ended", Limit::Of("jemalloc", 1.5)),
    resident("threads-3000", "trimmed", Limit::KibEach(32.0, 512)),
    resident("threads-sizes", "trimmed", Limit::KibEach(32.0, 1_000)),
    resident("threads-pool", "trimmed", Limit::KibEach(32.0, 200)),
    resident("threads-pool", "after more work", Limit::Mib(KEPT)),
    resident("idle*", "12 s asleep", Limit::Mib(KEPT)),
    resident("idle*", "threads ended", Limit::Mib(KEPT)),
    resident("shifts*", "phase *", Limit::Of("jemalloc", 1.0)),
    resident("handover-*", "freed", Limit::Best(1.0)),
    resident("handover-*", "caught up", Limit::Best(1.0)),
    resident("forks", "in children", Limit::Best(1.0)),
    resident("freed-at-random", "freed", Limit::Best(1.0)),
    resident("*", "peak", Limit::Of("system", 1.10)),
];

/// A goal, held against one phase.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judged {
    pub(crate) workload: String,
    pub(crate) phase: String,
    /// The goal in words.
    pub(crate) goal: String,
    /// What ours came to, in the unit of the goal.
    pub(crate) ours: String,
    pub(crate) met: bool,
}

/// Every goal at every phase that it is for; those that the run didn't reach are not in it.
pub(crate) fn judge(phases: &[Phase]) -> Vec<Judged> {
    GOALS.iter().flat_map(|goal| phases.iter().filter_map(|phase| goal.judge(phase))).collect()
}

/// Returns whether `name` is `pattern`, or begins with what stands before its `*`.
fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

impl Goal {
    fn judge(&self, phase: &Phase) -> Option<Judged> {
        if !fits(self.workloads, &phase.workload) || !fits(self.phases, &phase.name) {
            return None;
        }
        let figure = |held: &Held| match self.figure {
            Figure::Resident => held.resident,
            Figure::PageTables => held.page_tables,
        };
        let of = |name: &str| phase.cells.get(name).map(figure);
        let ours = of(OWN)?;
        let (value, most, goal) = match self.limit {
            Limit::Live(most) => (phase.cells[OWN].over_live(), most, format!("{most:.2} × live")),
            Limit::Of(peer, most) => (ratio(ours, of(peer)?), most, format!("{most:.2} × {peer}")),
            Limit::Best(most) => {
                let (value, best) = phase.over_best()?;
                (value, most, format!("{most:.2} × the best ({best})"))
            }
            Limit::Mib(most) => (ours / 1024.0, most, format!("{most:.1} MiB")),
            Limit::KibEach(each, count) => {
                let count = (count * phase.scale / 100).max(1) as f64;
                (ours / count, each, format!("{each:.0} KiB a thread"))
            }
        };
        let what = if matches!(self.figure, Figure::PageTables) { "page tables " } else { "" };
        Some(Judged {
            workload: phase.workload.clone(),
            phase: phase.name.clone(),
            goal: format!("{what}≤ {goal}"),
            ours: format!("{value:.2}"),
            // As exact as it is shown.
            met: (value * 100.0).round() <= (most * 100.0).round(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::phases, Goal, Limit, fits, judge, resident};

    fn phase() -> phases::Phase {
        phases::phases(&phases::tests::fixture()).remove(0)
    }

    fn verdict(limit: Limit) -> (String, bool) {
        let judged = resident("table", "fill*", limit).judge(&phase()).expect("it fits");
        (judged.ours, judged.met)
    }

    #[test]
    fn each_limit_is_taken_to_what_it_says() {
        assert_eq!(verdict(Limit::Live(1.5)), ("1.50".to_owned(), true));
        assert_eq!(verdict(Limit::Live(1.49)), ("1.50".to_owned(), false));
        assert_eq!(verdict(Limit::Best(1.25)), ("1.25".to_owned(), true));
        assert_eq!(verdict(Limit::Of("jemalloc", 0.7)), ("0.75".to_owned(), false));
        assert_eq!(verdict(Limit::Mib(14.0)), ("14.65".to_owned(), false));
        assert_eq!(verdict(Limit::KibEach(100.0, 150)), ("100.00".to_owned(), true));
    }

    #[test]
    fn a_goal_is_for_the_phases_that_it_names() {
        assert!(fits("cache-*", "cache-1k") && fits("idle", "idle") && !fits("idle", "idle-2"));
        let other: Goal = resident("other", "filled", Limit::Mib(1.0));
        assert_eq!(other.judge(&phase()), None);
        assert!(judge(&[phase()]).is_empty());
    }
}
