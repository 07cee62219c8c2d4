//! What came of each program: whether it ran, whether its output was the same, and what it cost.

use comfy_table::{CellAlignment, Table, presets};

use crate::measure::Cost;

/// What came of one program.
pub(super) enum Verdict {
    /// The same output both ways, at these costs.
    Same { without: Cost, with: Cost },
    /// It failed, or its output was another: how.
    Wrong(String),
    /// It isn't on this machine: what is missing.
    NotRun(String),
}

/// A program and what came of it.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) verdict: Verdict,
}

impl Row {
    /// The cells: program, ran, same output, and the ratios of time, processor time and memory.
    fn cells(&self) -> [String; 6] {
        let (ran, same, ratios) = match &self.verdict {
            Verdict::Same { without, with } => {
                ("yes".to_owned(), "yes", ratios(without, with).map(|ratio| format!("{ratio:.2}")))
            }
            Verdict::Wrong(_) => ("yes".to_owned(), "NO", Default::default()),
            Verdict::NotRun(missing) => (format!("no: {missing}"), "", Default::default()),
        };
        let [time, work, memory] = ratios;
        [self.about.clone(), ran, same.to_owned(), time, work, memory]
    }
}

/// Time, processor time and memory with the library, each over the same without.
fn ratios(without: &Cost, with: &Cost) -> [f64; 3] {
    [
        with.time.as_secs_f64() / without.time.as_secs_f64(),
        with.work.as_secs_f64() / without.work.as_secs_f64(),
        with.peak as f64 / without.peak as f64,
    ]
}

/// All rows as a table.
pub(super) fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header([
        "program",
        "ran",
        "same output",
        "time ratio",
        "processor time ratio",
        "memory ratio",
    ]);
    for row in rows {
        table.add_row(row.cells());
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// The programs that went wrong, each with how; and how many didn't run.
pub(super) fn summary(rows: &[Row]) -> (Vec<String>, usize) {
    let wrong = rows.iter().filter_map(|row| match &row.verdict {
        Verdict::Wrong(how) => Some(format!("{}: {how}", row.name)),
        _ => None,
    });
    let missing = rows.iter().filter(|row| matches!(row.verdict, Verdict::NotRun(_))).count();
    (wrong.collect(), missing)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn row(verdict: Verdict) -> Row {
        Row { name: "x".to_owned(), about: "an x".to_owned(), verdict }
    }

    #[test]
    fn each_verdict_has_its_cells_and_its_place_in_the_summary() {
        let cost = |millis, peak| {
            let [time, work] = [millis, 3 * millis + 100].map(Duration::from_millis);
            Cost { time, work, peak }
        };
        let rows = [
            row(Verdict::Same { without: cost(200, 300), with: cost(100, 330) }),
            row(Verdict::Wrong("line 1".to_owned())),
            row(Verdict::NotRun("`x` is missing".to_owned())),
        ];
        assert_eq!(rows[0].cells()[1..], ["yes", "yes", "0.50", "0.57", "1.10"]);
        assert_eq!(rows[1].cells()[1..3], ["yes", "NO"]);
        assert_eq!(rows[2].cells()[1], "no: `x` is missing");
        assert_eq!(summary(&rows), (vec!["x: line 1".to_owned()], 1));
        assert_eq!(table(&rows).to_string().lines().count(), 5);
    }
}
