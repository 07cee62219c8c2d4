//! What runs of one row on one allocator cost: the middle of each figure, and how far it spread.

use serde::{Deserialize, Serialize};
use stratalloc_samples::Cost;

use super::spread::widened;

/// The runs of one row on one allocator, each figure summed up.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Cell {
    runs: usize,
    wall_ns: Figure,
    processor_us: Figure,
    sys_us: Figure,
    faults: Figure,
    peak_kib: Figure,
    final_kib: Figure,
    /// Nothing where the kernel didn't count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    madvise: Option<Figure>,
}

/// The median of a figure, its least and its greatest.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct Figure(u64, u64, u64);

/// A figure of the cost of a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Measure {
    Wall,
    /// Of all processors, in user mode and in the kernel.
    Processor,
    /// In the kernel.
    System,
    Peak,
    Final,
    Faults,
    /// Calls of `madvise`.
    Madvise,
}

impl Cell {
    /// Sums up some runs, at least one.
    pub(crate) fn of(costs: &[Cost]) -> Self {
        let figure = |of: fn(&Cost) -> u64| Figure::of(costs.iter().map(of).collect());
        let calls: Option<Vec<u64>> = costs.iter().map(|cost| cost.madvise).collect();
        Self {
            runs: costs.len(),
            wall_ns: figure(|cost| cost.wall_ns),
            processor_us: figure(|cost| cost.user_us + cost.sys_us),
            sys_us: figure(|cost| cost.sys_us),
            faults: figure(|cost| cost.minor_faults),
            peak_kib: figure(|cost| cost.peak_rss_kib),
            final_kib: figure(|cost| cost.final_rss_kib),
            madvise: calls.map(Figure::of),
        }
    }

    /// The median of a measure: nanoseconds, KiB or a count; 0 of what is unknown.
    pub(crate) fn median(&self, measure: Measure) -> f64 {
        self.scaled(measure)[0]
    }

    /// The [spread](super::spread) of its runs over their median; `None` of a single run.
    pub(crate) fn spread(&self, measure: Measure) -> Option<f64> {
        let [median, low, high] = self.scaled(measure);
        Some(widened(high - low, self.runs)? / median.max(f64::MIN_POSITIVE))
    }

    /// How many runs there are, at least one.
    pub(crate) fn count(&self) -> usize {
        self.runs
    }

    /// Returns whether a measure was taken at all.
    pub(crate) fn knows(&self, measure: Measure) -> bool {
        match measure {
            Measure::Madvise => self.madvise.is_some(),
            Measure::Final => self.final_kib.0 > 0,
            _ => true,
        }
    }

    /// The median, the least and the greatest.
    fn scaled(&self, measure: Measure) -> [f64; 3] {
        let (Figure(middle, low, high), unit) = match measure {
            Measure::Wall => (self.wall_ns, 1.0),
            Measure::Processor => (self.processor_us, 1e3),
            Measure::System => (self.sys_us, 1e3),
            Measure::Peak => (self.peak_kib, 1.0),
            Measure::Final => (self.final_kib, 1.0),
            Measure::Faults => (self.faults, 1.0),
            Measure::Madvise => (self.madvise.unwrap_or(Figure(0, 0, 0)), 1.0),
        };
        [middle, low, high].map(|figure| figure as f64 * unit)
    }
}

impl Figure {
    fn of(mut figures: Vec<u64>) -> Self {
        figures.sort_unstable();
        let middle = match figures.len() {
            0 => 0,
            count if count % 2 == 1 => figures[count / 2],
            count => u64::midpoint(figures[count / 2 - 1], figures[count / 2]),
        };
        let (low, high) = (figures.first(), figures.last());
        Self(middle, low.copied().unwrap_or(0), high.copied().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use stratalloc_samples::Cost;

    use super::{Cell, Measure};

    #[test]
    fn a_summary_says_of_runs_what_they_said() {
        let run =
            |wall_ns, madvise| Cost { wall_ns, user_us: 2, sys_us: 1, madvise, ..Cost::default() };
        let cell = Cell::of(&[run(110, Some(7)), run(90, Some(8)), run(100, Some(9))]);
        assert_eq!((cell.count(), cell.median(Measure::Wall)), (3, 100.0));
        assert_eq!(cell.spread(Measure::Wall), Some(0.42));
        assert_eq!((cell.median(Measure::Processor), cell.median(Measure::System)), (3e3, 1e3));
        assert_eq!(cell.madvise, Some(super::Figure(8, 7, 9)));
        let line = serde_json::to_string(&cell).unwrap();
        assert_eq!(serde_json::from_str::<Cell>(&line).unwrap(), cell);
        // One run that didn't count leaves nothing to say.
        assert!(!Cell::of(&[run(1, Some(1)), run(1, None)]).knows(Measure::Madvise));
    }
}
