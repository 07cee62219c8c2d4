//! Two records against each other.

use std::fmt::Write;

use super::{
    cell::{Cell, Measure},
    record::Record,
    statistics::{Row, mean, rows},
    table::percent,
};

/// One row on one allocator in both records.
struct Change<'a> {
    name: String,
    allocator: &'a str,
    /// New over old, as it was measured.
    time: f64,
    /// The same over the row's drift: what the other allocators changed by, so what the machine did.
    corrected: f64,
    memory: f64,
    /// Changes within this are noise; unknown where one of the records has a single run.
    spread: Option<f64>,
}

/// What changed from the record `old` to the record `new`, beyond the noise of both.
pub(crate) fn compare(old: &Record, new: &Record) -> String {
    let (before, after) = (rows(old), rows(new));
    let mut text = format!(
        "old: {} {}\nnew: {} {}\n",
        old.header.date, old.header.system, new.header.date, new.header.system
    );
    if old.header.machine != new.header.machine || old.header.scale != new.header.scale {
        text.push_str("warning: not the same machine or scale; times do not compare\n");
    }
    let changes: Vec<Change> = after.iter().flat_map(|row| changes(row, &before)).collect();
    let _ = writeln!(
        text,
        "{:32} {:14} {:>7} {:>9} {:>7} {:>7}",
        "row", "allocator", "time", "corrected", "memory", "spread"
    );
    for change in &changes {
        let _ = writeln!(
            text,
            "{:32} {:14} {:>7.2} {:>9.2} {:>7.2} {:>7} {}",
            change.name,
            change.allocator,
            change.time,
            change.corrected,
            change.memory,
            percent(change.spread),
            change.verdict()
        );
    }
    for allocator in &new.header.allocators {
        let own = || changes.iter().filter(|change| change.allocator == allocator);
        let (time, memory) =
            (mean(own().map(|change| change.corrected)), mean(own().map(|change| change.memory)));
        let _ = writeln!(
            text,
            "{allocator}: geometric mean of time (corrected) {time:.3}, of memory {memory:.3}"
        );
    }
    text
}

impl Change<'_> {
    fn verdict(&self) -> &'static str {
        match (self.corrected - 1.0, self.spread) {
            (change, Some(spread)) if change > spread => "slower",
            (change, Some(spread)) if change < -spread => "faster",
            _ => "",
        }
    }
}

/// The changes of one row since the record that has the rows `before`.
fn changes<'a>(row: &'a Row, before: &[Row]) -> Vec<Change<'a>> {
    let Some(earlier) =
        before.iter().find(|old| old.workload == row.workload && old.threads == row.threads)
    else {
        return Vec::new();
    };
    let both: Vec<(&str, &Cell, &Cell)> = row
        .cells
        .iter()
        .filter_map(|(name, cell)| Some((name.as_str(), earlier.cells.get(name)?, cell)))
        .collect();
    let times: Vec<f64> = both.iter().map(|(_, old, new)| ratio(old, new, Measure::Wall)).collect();
    let change = |(index, &(allocator, old, new)): (usize, &(&'a str, &Cell, &Cell))| {
        let others =
            times.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, time)| *time);
        let spread = |row: &Row| row.spread_of(allocator, allocator, Measure::Wall);
        Change {
            name: row.name(),
            allocator,
            time: times[index],
            corrected: times[index] / mean(others),
            memory: ratio(old, new, Measure::Peak),
            spread: spread(earlier).zip(spread(row)).map(|(old, new)| old.max(new)),
        }
    };
    both.iter().enumerate().map(change).collect()
}

fn ratio(old: &Cell, new: &Cell, measure: Measure) -> f64 {
    new.median(measure).max(1.0) / old.median(measure).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::super::{record::Line, report::fixture};
    use super::compare;

    #[test]
    fn a_slowdown_of_one_allocator_is_told_from_one_of_the_machine() {
        let old = fixture();
        let mut new = fixture();
        let slow_down = |name: &str, record: &mut super::Record| {
            for line in &mut record.lines {
                if let Line::Run(run) = line
                    && run.allocator.contains(name)
                {
                    run.cost.wall_ns *= 2;
                }
            }
        };
        slow_down("fast", &mut new);
        assert!(
            compare(&old, &new)
                .lines()
                .any(|line| line.contains("fast") && line.ends_with("slower"))
        );
        slow_down("slow", &mut new);
        assert!(
            !compare(&old, &new)
                .lines()
                .any(|line| line.starts_with("sort") && line.ends_with("slower"))
        );
    }
}
