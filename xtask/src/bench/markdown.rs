//! A record as Markdown, for pages that sum it up: what everyone takes in the mean, and every row that we lose.

use std::fmt::Write;

use super::{
    OWN,
    groups::{Group, groups},
    load,
    record::Record,
    statistics::{Cell, Measure, Row},
};

/// Time and memory beyond these ratios to the best of the others are losses.
const LOST: [(Measure, &str, f64); 2] =
    [(Measure::Wall, "time", 1.1), (Measure::Peak, "peak memory", 1.2)];

/// The summary of a record.
pub(crate) fn summary(record: &Record) -> String {
    let groups = groups(record);
    let mut text = String::new();
    origin(&mut text, record, &groups);
    means(&mut text, record, &groups);
    losses(&mut text, &groups);
    failures(&mut text, &groups);
    text
}

fn origin(text: &mut String, record: &Record, groups: &[Group]) {
    let header = &record.header;
    let rows = || groups.iter().flat_map(|group| &group.rows);
    let runs = rows().flat_map(|row| row.cells.values()).map(Cell::count);
    let (least, most) = (runs.clone().min().unwrap_or(0), runs.max().unwrap_or(0));
    let runs = if least == most { least.to_string() } else { format!("{least} to {most}") };
    let _ = write!(
        text,
        "{} UTC, {}; commit {}; {} rows, medians of {runs} runs. ",
        header.date.replacen('T', " ", 1),
        header.system,
        header.commit,
        rows().count()
    );
    if let Some(noise) = record.noise().filter(|noise| noise.others + noise.stolen > load::BUSY) {
        let _ = write!(text, "A busy machine: {}. ", noise.words());
    }
    text.push_str(
        "Geometric means of each row's ratio to its best; 1.00 would be best in every row.\n\n",
    );
}

/// One line for each allocator, two columns for each group.
fn means(text: &mut String, record: &Record, groups: &[Group]) {
    text.push_str("| allocator (rows) |");
    for group in groups {
        let (title, rows) = (group.title, group.whole().count());
        let _ = write!(text, " {title} ({rows}): time | peak memory |");
    }
    let _ = writeln!(text, "\n|---|{}", "--:|--:|".repeat(groups.len()));
    for name in &record.header.allocators {
        let _ =
            write!(text, "| {} |", if name == OWN { format!("**{name}**") } else { name.clone() });
        for group in groups {
            for measure in [Measure::Wall, Measure::Peak] {
                let mean = group.allocators.contains(name).then(|| group.mean(name, measure));
                let _ =
                    write!(text, " {} |", mean.map_or("–".to_owned(), |mean| format!("{mean:.2}")));
            }
        }
        text.push('\n');
    }
}

/// Every row in which ours is behind the best of the others, the worst first; those within the spread by themselves.
fn losses(text: &mut String, groups: &[Group]) {
    let rows = || groups.iter().flat_map(|group| &group.rows);
    let ours = rows().filter(|row| row.cells.contains_key(OWN)).count();
    for (measure, name, limit) in LOST {
        let mut lost: Vec<Loss> = rows().filter_map(|row| Loss::of(row, measure)).collect();
        lost.retain(|loss| loss.lead > limit);
        lost.sort_by(|a, b| b.lead.total_cmp(&a.lead));
        let (clear, doubtful): (Vec<Loss>, Vec<Loss>) =
            lost.into_iter().partition(|loss| loss.is_clear);
        let best = rows().filter(|row| row.ratio(OWN, measure) == Some(1.0)).count();
        let _ = write!(
            text,
            "\n**{name}**: {OWN} is best in {best} of {ours} rows, and takes over {limit} times the best other's in {}",
            Loss::list(&clear)
        );
        if !doubtful.is_empty() {
            let list = Loss::list(&doubtful);
            let _ =
                write!(text, "; as the medians go, but within the spread of their runs, in {list}");
        }
        text.push_str(".\n");
    }
}

/// Who did not end which row.
fn failures(text: &mut String, groups: &[Group]) {
    let rows = groups.iter().flat_map(|group| &group.rows);
    let of = |row: &Row| {
        let failure =
            |name: &String| Some(format!("{name} {} ({})", row.name(), row.failure(name)?));
        row.failed.keys().filter_map(failure).collect::<Vec<_>>()
    };
    let failed: Vec<String> = rows.flat_map(of).collect();
    if !failed.is_empty() {
        let _ = writeln!(text, "\n**failed**: {}.", failed.join(", "));
    }
}

/// A row in which another is better.
struct Loss {
    name: String,
    leader: String,
    /// Ours over the leader's.
    lead: f64,
    /// Whether that is more than equal allocators differ by.
    is_clear: bool,
}

impl Loss {
    fn of(row: &Row, measure: Measure) -> Option<Self> {
        let (lead, leader) = (row.lead(OWN, measure)?, row.leader(OWN, measure)?);
        let spread = row.spread_of(OWN, leader, measure);
        let is_clear = spread.is_some_and(|spread| lead > 1.0 + spread);
        Some(Self { name: row.name(), leader: leader.to_owned(), lead, is_clear })
    }

    /// How many there are, and which.
    fn list(losses: &[Self]) -> String {
        let shown = |loss: &Self| format!("{} {:.2} ({})", loss.name, loss.lead, loss.leader);
        let names: Vec<String> = losses.iter().map(shown).collect();
        let colon = if losses.is_empty() { "" } else { ": " };
        format!("{}{colon}{}", losses.len(), names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{record::Line, report::fixture};

    #[test]
    fn losses_are_named_with_who_is_better() {
        let mut record = fixture();
        record.header.allocators[1] = "stratalloc".to_owned();
        for line in &mut record.lines {
            match line {
                Line::Run(run) => run.allocator = run.allocator.replace("slow", "stratalloc"),
                Line::Failure(failure) => failure.allocator = "stratalloc".to_owned(),
                _ => {}
            }
        }
        let text = super::summary(&record);
        for part in [
            "| **stratalloc** | 4.00 | 1.00 |",
            "best in 0 of 1 rows, and takes over 1.1 times the best other's in 1: sort ×2 4.00 (fast).",
            "**peak memory**: stratalloc is best in 1 of 1 rows, and takes over 1.2 times the best other's in 0.",
            "**failed**: stratalloc tree ×1 (crashed).",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}
