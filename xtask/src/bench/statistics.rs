//! From runs to rows: medians, spreads, ratios to the best, geometric means.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use stratalloc_samples::{Cost, Run};

use super::{
    allocators::once,
    cell::{Cell, Measure},
    record::{Record, Summary},
    spread::median,
};

/// The runs of one workload on one number of threads.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) workload: String,
    pub(crate) threads: usize,
    /// By allocator; who failed every time is not in it.
    pub(crate) cells: BTreeMap<String, Cell>,
    /// By allocator, of those who failed at least once.
    pub(crate) failed: BTreeMap<String, Failed>,
}

/// The runs of one row that did not end well on one allocator.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Failed {
    pub(crate) count: usize,
    /// How the last of them ended, in a word.
    pub(crate) word: &'static str,
}

impl Row {
    /// Its name in tables.
    pub(crate) fn name(&self) -> String {
        format!("{} ×{}", self.workload, self.threads)
    }

    /// How often an allocator failed here, and how, in words; nothing if it never did.
    pub(crate) fn failure(&self, allocator: &str) -> Option<String> {
        let Failed { count, word } = self.failed.get(allocator)?;
        let runs = count + self.cells.get(allocator).map_or(0, Cell::count);
        Some(if *count == runs { (*word).to_owned() } else { format!("{word} {count} of {runs}") })
    }

    /// The least median of a row.
    pub(crate) fn best(&self, measure: Measure) -> f64 {
        self.cells.values().map(|cell| cell.median(measure)).fold(f64::INFINITY, f64::min)
    }

    /// An allocator's median over the row's least; `None` where it failed. Never below 1.
    pub(crate) fn ratio(&self, allocator: &str, measure: Measure) -> Option<f64> {
        let median = self.cells.get(allocator)?.median(measure);
        // A page or a fault more than none is no ratio.
        Some(median.max(1.0) / self.best(measure).max(1.0))
    }

    /// An allocator's median over the least of the *others*: below 1 when it leads. Its second registration
    /// is no other.
    pub(crate) fn lead(&self, allocator: &str, measure: Measure) -> Option<f64> {
        let best = self.cells.get(self.leader(allocator, measure)?)?.median(measure);
        let median = self.cells.get(allocator)?.median(measure);
        Some(median.max(1.0) / best.max(1.0))
    }

    /// The best of the others.
    pub(crate) fn leader(&self, allocator: &str, measure: Measure) -> Option<&str> {
        let others = self.cells.iter().filter(|(name, _)| once(name) != once(allocator));
        let median = |cell: &Cell| cell.median(measure);
        others
            .min_by(|(_, a), (_, b)| median(a).total_cmp(&median(b)))
            .map(|(name, _)| name.as_str())
    }

    /// Returns whether an allocator's time and that of the best of the others differ no more than equal ones would.
    pub(crate) fn is_undecided(&self, allocator: &str) -> bool {
        let measure = Measure::Wall;
        let lead = self.lead(allocator, measure).zip(self.leader(allocator, measure));
        lead.is_some_and(|(lead, leader)| {
            let spread = self.spread_of(allocator, leader, measure);
            spread.is_none_or(|spread| (lead - 1.0).abs() <= spread)
        })
    }

    /// The most runs that an allocator had.
    pub(crate) fn runs(&self) -> usize {
        self.cells.values().map(Cell::count).max().unwrap_or(0)
    }

    /// The spread of a typical allocator in this row; `None` if none ran twice.
    pub(crate) fn spread(&self, measure: Measure) -> Option<f64> {
        let spreads: Vec<f64> =
            self.cells.values().filter_map(|cell| cell.spread(measure)).collect();
        (!spreads.is_empty()).then(|| median(spreads))
    }

    /// By how much two allocators of this row may differ though they are equal: the largest of their spreads
    /// and the typical one. `None` where it is unknown.
    pub(crate) fn spread_of(&self, one: &str, other: &str, measure: Measure) -> Option<f64> {
        let of = |name: &str| self.cells.get(name)?.spread(measure);
        Some(of(one)?.max(of(other)?).max(self.spread(measure)?))
    }
}

/// The rows of a record, in the order of running.
pub(crate) fn rows(record: &Record) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for Summary { workload, threads, cells, .. } in record.summaries().chain(&summaries(record)) {
        row_of(&mut rows, workload, *threads).cells.extend(cells.clone());
    }
    for failure in record.failures() {
        let row = row_of(&mut rows, &failure.workload, failure.threads);
        let failed = Failed { count: 0, word: "" };
        let failed = row.failed.entry(failure.allocator.clone()).or_insert(failed);
        *failed = Failed { count: failed.count + 1, word: failure.word() };
    }
    // Where everybody failed there is nothing to compare.
    rows.retain(|row| !row.cells.is_empty());
    rows
}

/// The runs of a record summed up row by row, in the order of running.
pub(crate) fn summaries(record: &Record) -> Vec<Summary> {
    let mut rows: Vec<(&Run, BTreeMap<&str, Vec<Cost>>)> = Vec::new();
    for run in record.runs() {
        let is_this = |(first, _): &(&Run, _)| {
            (&first.workload, first.threads) == (&run.workload, run.threads)
        };
        let index = rows.iter().position(is_this).unwrap_or(rows.len());
        if index == rows.len() {
            rows.push((run, BTreeMap::new()));
        }
        rows[index].1.entry(&run.allocator).or_default().push(run.cost);
    }
    let sum = |(first, costs): (&Run, BTreeMap<&str, Vec<Cost>>)| Summary {
        workload: first.workload.clone(),
        threads: first.threads,
        ops: first.ops,
        checksum: first.checksum,
        cells: costs.into_iter().map(|(name, costs)| (name.to_owned(), Cell::of(&costs))).collect(),
    };
    rows.into_iter().map(sum).collect()
}

/// The row of a workload on a number of threads, a new one if there is none.
fn row_of<'a>(rows: &'a mut Vec<Row>, workload: &str, threads: usize) -> &'a mut Row {
    let is_this = |row: &Row| row.workload == workload && row.threads == threads;
    let index = rows.iter().position(is_this).unwrap_or(rows.len());
    if index == rows.len() {
        let (cells, failed) = (BTreeMap::new(), BTreeMap::new());
        rows.push(Row { workload: workload.to_owned(), threads, cells, failed });
    }
    &mut rows[index]
}

/// The geometric mean of ratios; 1 of none.
pub(crate) fn mean(ratios: impl Iterator<Item = f64>) -> f64 {
    let logs: Vec<f64> = ratios.map(f64::ln).collect();
    if logs.is_empty() { 1.0 } else { (logs.iter().sum::<f64>() / logs.len() as f64).exp() }
}

/// Of an allocator that was registered twice (as `NAME` and `NAME-again`): in how many rows its two medians
/// differ beyond the spread, out of how many, and the mean ratio. A row of single runs has no spread, and does
/// not count.
pub(crate) fn self_comparison(rows: &[Row], name: &str) -> Option<(usize, usize, f64)> {
    let again = format!("{name}-again");
    let pair = |row: &Row| {
        let (one, two) = (row.cells.get(name)?, row.cells.get(&again)?);
        let ratio = two.median(Measure::Wall) / one.median(Measure::Wall);
        Some((ratio, row.spread_of(name, &again, Measure::Wall)?))
    };
    let pairs: Vec<(f64, f64)> = rows.iter().filter_map(pair).collect();
    let beyond = pairs.iter().filter(|(ratio, spread)| (ratio - 1.0).abs() > *spread).count();
    (!pairs.is_empty()).then(|| (beyond, pairs.len(), mean(pairs.iter().map(|(ratio, _)| *ratio))))
}

/// Returns whether all allocators computed the same: one that lost or mixed up memory did not.
pub(crate) fn check_results(record: &Record) -> Result<()> {
    let mut first: BTreeMap<(&str, usize), &Run> = BTreeMap::new();
    for run in record.runs() {
        let reference = first.entry((&run.workload, run.threads)).or_insert(run);
        ensure!(
            (run.checksum, run.ops) == (reference.checksum, reference.ops),
            "{} on {} threads came out differently on {} than on {}",
            run.workload,
            run.threads,
            run.allocator,
            reference.allocator
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::record::{Line, Record};
    use super::super::report::fixture;
    use super::{Measure, check_results, mean, rows, self_comparison, summaries};

    #[test]
    fn medians_ratios_and_means_are_those_of_the_fixture() {
        let record = fixture();
        let rows = rows(&record);
        let row = &rows[0];
        let fast = &row.cells["fast"];
        assert_eq!((row.name().as_str(), fast.count()), ("sort ×2", 3));
        assert_eq!((fast.median(Measure::Wall), fast.spread(Measure::Wall)), (100.0, Some(0.42)));
        assert_eq!(
            (row.ratio("slow", Measure::Wall), row.ratio("fast", Measure::Wall)),
            (Some(4.0), Some(1.0))
        );
        assert_eq!(
            (row.lead("slow", Measure::Wall), row.lead("fast", Measure::Wall)),
            (Some(4.0), Some(0.25))
        );
        assert!((mean([2.0, 8.0].into_iter()) - 4.0).abs() < 1e-9);
        assert_eq!(rows[1].ratio("slow", Measure::Wall), None);
        assert_eq!(rows[1].failure("slow").as_deref(), Some("crashed"));
        assert_eq!((rows[1].failure("fast"), row.failure("slow")), (None, None));
    }

    #[test]
    fn a_record_of_summaries_has_the_same_rows() {
        let mut record = fixture();
        let whole = format!("{:?}", rows(&record));
        let sums = summaries(&record);
        record.lines.retain(|line| !matches!(line, Line::Run(_)));
        record.lines.extend(sums.into_iter().map(Line::Row));
        assert_eq!(format!("{:?}", rows(&record)), whole);
    }

    #[test]
    fn a_wrong_checksum_is_an_error() {
        let record = fixture();
        assert!(check_results(&record).is_ok());
        let mut lines = record.lines.clone();
        let Some(Line::Run(run)) = lines.iter_mut().find(|line| matches!(line, Line::Run(_)))
        else {
            panic!()
        };
        run.checksum += 1;
        assert!(check_results(&Record { lines, ..record }).is_err());
    }

    #[test]
    fn an_allocator_that_differs_from_itself_is_counted() {
        let mut record = fixture();
        for line in &mut record.lines {
            if let Line::Run(run) = line {
                run.allocator = run.allocator.replace("slow", "fast-again");
            }
        }
        assert_eq!(self_comparison(&rows(&record), "fast"), Some((1, 1, 4.0)));
        assert_eq!(self_comparison(&rows(&record), "other"), None);
    }
}
