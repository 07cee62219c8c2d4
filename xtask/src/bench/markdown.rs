//! A record summed up in Markdown, for the front page: what everyone takes in the mean, and in how many rows we lose.

use std::fmt::Write;

use super::{
    allocators::OWN,
    cell::{Cell, Measure},
    groups::{Group, groups},
    load, losses,
    record::Record,
};

/// The summary of a record.
pub(crate) fn summary(record: &Record) -> String {
    let groups = groups(record);
    let mut text = origin(record, &groups);
    text.push_str(
        "Geometric means of each row's ratio to its best; 1.00 would be best in every row.\n\n",
    );
    means(&mut text, record, &groups);
    counts(&mut text, &groups);
    text
}

/// Where and when the rows of these groups were measured, and how often.
pub(crate) fn origin(record: &Record, groups: &[Group]) -> String {
    let header = &record.header;
    let rows = || groups.iter().flat_map(|group| &group.rows);
    let runs = rows().flat_map(|row| row.cells.values()).map(Cell::count);
    let (least, most) = (runs.clone().min().unwrap_or(0), runs.max().unwrap_or(0));
    let runs = if least == most { least.to_string() } else { format!("{least} to {most}") };
    let mut text = format!(
        "{} UTC, {}; commit {}; {} rows, medians of {runs} runs. ",
        header.date.replacen('T', " ", 1),
        header.system,
        header.commit,
        rows().count()
    );
    if let Some(noise) = record.noise().filter(|noise| noise.others + noise.stolen > load::BUSY) {
        let _ = write!(text, "A busy machine: {}. ", noise.words());
    }
    text
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

/// In how many rows ours is best, and in how many it is behind.
fn counts(text: &mut String, groups: &[Group]) {
    let rows = || groups.iter().flat_map(|group| &group.rows);
    let ours = rows().filter(|row| row.cells.contains_key(OWN)).count();
    text.push('\n');
    for (measure, name, limit) in losses::LIMITS {
        let best = rows().filter(|row| row.ratio(OWN, measure) == Some(1.0)).count();
        let (clear, doubtful) = losses::of(rows(), measure, limit);
        let _ = writeln!(
            text,
            "- **{name}**: {OWN} is best in {best} of {ours} rows, and takes over {limit} times the best other's in \
             {}; in {} more the medians say so, but differ no more than runs of equal allocators do.",
            clear.len(),
            doubtful.len()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::losses::tests::lost;

    #[test]
    fn losses_are_counted() {
        let text = super::summary(&lost());
        for part in [
            "| **stratalloc** | 4.00 | 1.00 |",
            "best in 0 of 1 rows, and takes over 1.1 times the best other's in 1; in 0 more",
            "**peak memory**: stratalloc is best in 1 of 1 rows, and takes over 1.2 times the best other's in 0;",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}
