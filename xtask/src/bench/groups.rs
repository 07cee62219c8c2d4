//! Rows that compare alike: linked or preloaded, small programs or real ones.

use std::collections::BTreeMap;

use super::{
    cell::Measure,
    program,
    record::Record,
    statistics::{Row, mean, rows},
};

/// Rows of one kind, and the allocators that ended some of them.
pub(crate) struct Group {
    /// What it is called in tables.
    pub(crate) title: &'static str,
    /// In the order of the record.
    pub(crate) allocators: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// The levels of each group, and its title.
const GROUPS: [(&[&str], &str); 3] = [
    (&["loop", "kind", "seed"], "Kinds of programs"),
    (&["program"], "Programs in Rust"),
    (&[program::LEVEL], "Preloaded programs"),
];

/// The groups of a record that have rows.
pub(crate) fn groups(record: &Record) -> Vec<Group> {
    let levels: BTreeMap<&str, &str> =
        record.workloads().map(|entry| (entry.workload.as_str(), entry.level.as_str())).collect();
    let all = rows(record);
    let group = |(own, title): (&[&str], &'static str)| {
        let inside = |workload: &str| own.contains(levels.get(workload).unwrap_or(&""));
        let rows: Vec<Row> = all.iter().filter(|row| inside(&row.workload)).cloned().collect();
        let ran = |name: &String| rows.iter().any(|row| row.cells.contains_key(name));
        let allocators = record.header.allocators.iter();
        let allocators = allocators.filter(|name| ran(name)).cloned().collect();
        Group { title, allocators, rows }
    };
    GROUPS.into_iter().map(group).filter(|group| !group.rows.is_empty()).collect()
}

impl Group {
    /// The rows in which everyone ran and nobody failed, not even once: only over these do geometric means compare
    /// like with like.
    pub(crate) fn whole(&self) -> impl Iterator<Item = &Row> {
        let all = self.allocators.len();
        self.rows.iter().filter(move |row| row.cells.len() == all && row.failed.is_empty())
    }

    /// The geometric mean of an allocator's ratios to the best of each row.
    pub(crate) fn mean(&self, allocator: &str, measure: Measure) -> f64 {
        mean(self.whole().filter_map(|row| row.ratio(allocator, measure)))
    }

    /// The geometric mean of its ratios to the best of the others.
    pub(crate) fn lead(&self, allocator: &str, measure: Measure) -> f64 {
        mean(self.whole().filter_map(|row| row.lead(allocator, measure)))
    }

    /// Returns whether its rows know a measure: of preloaded programs nobody sees what they hold at their end.
    pub(crate) fn knows(&self, measure: Measure) -> bool {
        self.rows.iter().any(|row| row.cells.values().any(|cell| cell.knows(measure)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        record::{Failure, Line},
        report::fixture,
    };
    use super::{Measure, groups};

    #[test]
    fn a_row_with_a_failure_is_in_no_mean() {
        let groups = groups(&fixture());
        assert_eq!(groups.len(), 1);
        let group = &groups[0];
        assert_eq!((group.rows.len(), group.whole().count()), (2, 1));
        assert!((group.mean("slow", Measure::Wall) - 4.0).abs() < 1e-9);
        assert!((group.lead("fast", Measure::Wall) - 0.25).abs() < 1e-9);
    }

    #[test]
    fn a_row_with_a_single_failure_is_in_none_either() {
        let mut record = fixture();
        let failure = record.failures().next().unwrap().clone();
        record.lines.push(Line::Failure(Failure {
            workload: "sort".to_owned(),
            threads: 2,
            ..failure
        }));
        let group = &groups(&record)[0];
        assert_eq!((group.rows.len(), group.whole().count()), (2, 0));
        assert_eq!(group.rows[0].failure("slow").as_deref(), Some("crashed 1 of 4"));
    }

    #[test]
    fn an_allocator_is_in_the_groups_that_it_ran_in() {
        let mut record = fixture();
        record.header.allocators.push("elsewhere".to_owned());
        for line in &mut record.lines {
            if let Line::Workload(entry) = line
                && entry.workload == "tree"
            {
                entry.level = "preload".to_owned();
            }
        }
        let groups = groups(&record);
        // In the second group, `slow` failed in the only row.
        assert_eq!(groups[0].allocators, ["fast", "slow"]);
        assert_eq!(groups[1].allocators, ["fast"]);
    }
}
