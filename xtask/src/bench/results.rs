//! Every figure of records as one page in Markdown: `benches/RESULTS.md`.

use std::fmt::Write;

use comfy_table::presets;

use super::{
    cell::Measure,
    groups::{Group, groups},
    losses::{self, Loss},
    markdown, memory,
    record::Record,
    statistics::Row,
    table,
};

/// The page: each record after the other, times or memory, whatever it has.
pub(crate) fn page(records: &[Record]) -> String {
    let mut text = String::from(
        "# Results\n\nWritten by `cargo xtask bench results`; how the figures come about, and what they are worth, is \
         in [the page on method](README.md).\n",
    );
    for record in records {
        let groups = groups(record);
        if !groups.is_empty() {
            times(&mut text, record, &groups);
        }
        let memory = memory::markdown(record);
        if !memory.is_empty() {
            let header = &record.header;
            let date = header.date.replacen('T', " ", 1);
            let _ = writeln!(
                text,
                "\n## Memory over time\n\n{date} UTC, {}; commit {}; {} % of the standard amount of work.\n{memory}",
                header.system, header.commit, header.scale
            );
        }
    }
    text
}

fn times(text: &mut String, record: &Record, groups: &[Group]) {
    let _ = writeln!(text, "\n## Time and peak memory\n\n{}", markdown::summary(record));
    let rows = || groups.iter().flat_map(|group| &group.rows);
    for (measure, name, limit) in losses::LIMITS {
        let (clear, doubtful) = losses::of(rows(), measure, limit);
        let _ = writeln!(text, "\n### Behind in {name}\n");
        list(text, "Beyond the spread of the runs", &clear);
        list(text, "Within it", &doubtful);
    }
    failures(text, rows());
    for group in groups {
        let _ = writeln!(text, "\n## {}", group.title);
        for (title, measure) in [
            ("Time over the best of the row", Measure::Wall),
            ("Processor time over the least of the row", Measure::Processor),
            ("Peak resident memory over the leanest of the row", Measure::Peak),
        ] {
            let mut table = table::ratios(group, measure);
            let _ =
                writeln!(text, "\n### {title}\n\n{}", table.load_preset(presets::ASCII_MARKDOWN));
        }
        let mut kernel = table::kernel(group);
        let kernel = kernel.load_preset(presets::ASCII_MARKDOWN);
        let _ = writeln!(text, "\n### {}\n\n{kernel}", table::KERNEL);
    }
    single_operations(text, record);
}

/// Ours over the best other, row by row.
fn list(text: &mut String, title: &str, losses: &[Loss]) {
    let _ = writeln!(text, "{title}: {}.\n", losses.len());
    for Loss { name, leader, lead, .. } in losses {
        let _ = writeln!(text, "- {name}: {lead:.2} × {leader}");
    }
    text.push('\n');
}

/// Who did not end which row.
fn failures<'a>(text: &mut String, rows: impl Iterator<Item = &'a Row>) {
    let of = |row: &Row| {
        let failure =
            |name: &String| Some(format!("- {name}, {}: {}\n", row.name(), row.failure(name)?));
        row.failed.keys().filter_map(failure).collect::<String>()
    };
    let failed: String = rows.map(of).collect();
    if !failed.is_empty() {
        let _ = writeln!(text, "### Failed\n\n{failed}");
    }
}

fn single_operations(text: &mut String, record: &Record) {
    for (title, mut table) in table::single_operations(record) {
        let table = table.load_preset(presets::ASCII_MARKDOWN);
        let _ = writeln!(text, "\n## {title}\n\n{table}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::losses::tests::lost;

    #[test]
    fn the_page_has_every_row_and_every_loss() {
        let text = super::page(&[lost()]);
        for part in [
            "- sort ×2: 4.00 × fast",
            "- stratalloc, tree ×1: crashed",
            "| sort ×2 ",
            "### Processor time",
            "## Nanoseconds an operation",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}
