//! The rows in which another allocator is better than ours.

use super::{allocators::OWN, cell::Measure, statistics::Row};

/// Time and memory beyond these ratios to the best of the others are losses.
pub(crate) const LIMITS: [(Measure, &str, f64); 2] =
    [(Measure::Wall, "time", 1.1), (Measure::Peak, "peak memory", 1.2)];

/// A row in which another is better.
pub(crate) struct Loss {
    pub(crate) name: String,
    pub(crate) leader: String,
    /// Ours over the leader's.
    pub(crate) lead: f64,
    /// Returns whether that is more than equal allocators differ by.
    is_clear: bool,
}

/// The rows in which ours takes more than `limit` times the best of the others, the worst first: those that are clear,
/// and those within the spread of their runs.
pub(crate) fn of<'a>(
    rows: impl Iterator<Item = &'a Row>,
    measure: Measure,
    limit: f64,
) -> (Vec<Loss>, Vec<Loss>) {
    let mut lost: Vec<Loss> = rows.filter_map(|row| Loss::of(row, measure)).collect();
    lost.retain(|loss| loss.lead > limit);
    lost.sort_by(|a, b| b.lead.total_cmp(&a.lead));
    lost.into_iter().partition(|loss| loss.is_clear)
}

impl Loss {
    fn of(row: &Row, measure: Measure) -> Option<Self> {
        let (lead, leader) = (row.lead(OWN, measure)?, row.leader(OWN, measure)?);
        let spread = row.spread_of(OWN, leader, measure);
        let is_clear = spread.is_some_and(|spread| lead > 1.0 + spread);
        Some(Self { name: row.name(), leader: leader.to_owned(), lead, is_clear })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::{
        cell::Measure,
        record::{Line, Record},
        report::fixture,
        statistics::rows,
    };

    /// A record of which ours loses a row, and fails another.
    pub(crate) fn lost() -> Record {
        let mut record = fixture();
        record.header.allocators[1] = "stratalloc".to_owned();
        for line in &mut record.lines {
            match line {
                Line::Run(run) => run.allocator = run.allocator.replace("slow", "stratalloc"),
                Line::Failure(failure) => failure.allocator = "stratalloc".to_owned(),
                _ => {}
            }
        }
        record
    }

    #[test]
    fn losses_are_named_with_who_is_better() {
        let rows = rows(&lost());
        let (clear, doubtful) = super::of(rows.iter(), Measure::Wall, 1.1);
        assert_eq!((clear.len(), doubtful.len()), (1, 0));
        assert_eq!((clear[0].name.as_str(), clear[0].leader.as_str()), ("sort ×2", "fast"));
        assert!((clear[0].lead - 4.0).abs() < 1e-9);
    }
}
