//! What was held, as tables: for the terminal and, in Markdown, for pages.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::{
    goals,
    phases::{Held, Phase, phases},
};
use crate::bench::record::Record;

/// A process with more than so many KiB of page tables, or so many mappings, is worth a line.
const WORTH_TELLING: (f64, f64) = (1_024.0, 500.0);

/// Every table of memory; nothing when none was looked at.
pub(crate) fn tables(record: &Record) -> String {
    all(record, presets::NOTHING, |title| format!("\n{title}\n"))
}

/// The same as Markdown, below headings of the third level.
pub(crate) fn markdown(record: &Record) -> String {
    all(record, presets::ASCII_MARKDOWN, |title| format!("\n### {title}\n\n"))
}

fn all(record: &Record, preset: &str, heading: impl Fn(&str) -> String) -> String {
    let phases = phases(record);
    if phases.is_empty() {
        return String::new();
    }
    let names: Vec<&String> = record.header.allocators.iter().collect();
    let costly = phases.iter().filter(|phase| {
        phase
            .cells
            .values()
            .any(|held| held.page_tables > WORTH_TELLING.0 || held.mappings > WORTH_TELLING.1)
    });
    let ends = phases.chunk_by(|a, b| a.workload == b.workload).filter_map(<[Phase]>::last);
    let tables = [
        ("Goals of memory", goals_table(&phases)),
        (
            "Resident memory at the end of each phase, over what lives; in MiB where next to nothing does",
            resident(&phases, &names),
        ),
        (
            "Page tables in MiB, and mappings, where they are many",
            grid(costly, &names, |held| {
                format!("{:.1}, {:.0}", held.page_tables / 1024.0, held.mappings)
            }),
        ),
        (
            "Page faults, and calls of madvise, up to the end",
            grid(ends, &names, |held| {
                let calls = held.madvise.map_or("?".to_owned(), |calls| format!("{calls:.0}"));
                format!("{:.0}, {calls}", held.faults)
            }),
        ),
    ];
    let mut text = String::new();
    for (title, mut table) in tables.into_iter().filter(|(_, table)| table.row_count() > 0) {
        let _ = writeln!(text, "{}{}", heading(title), table.load_preset(preset));
    }
    text
}

fn goals_table(phases: &[Phase]) -> Table {
    let mut judged = goals::judge(phases);
    judged.sort_by_key(|goal| goal.met);
    let mut table = table(["workload", "phase", "goal", "ours", ""].map(str::to_owned));
    for goal in judged {
        let verdict = if goal.met { "met" } else { "missed" };
        table.add_row([goal.workload, goal.phase, goal.goal, goal.ours, verdict.to_owned()]);
    }
    table
}

/// The last column is ours over the best of its peers.
fn resident(phases: &[Phase], names: &[&String]) -> Table {
    let head = ["workload", "phase", "live"].map(str::to_owned).into_iter();
    let head = head.chain(names.iter().map(|name| (*name).clone()));
    let mut table = table(head.chain(["ours over the best".to_owned()]));
    for phase in phases {
        let over = phase
            .over_best()
            .map_or("–".to_owned(), |(ratio, name)| format!("{ratio:.2} ({name})"));
        let live = format!("{:.1} MiB", phase.live() / 1024.0);
        let begin = [phase.workload.clone(), phase.name.clone(), live].into_iter();
        let cells = names.iter().map(|name| shown(phase, name, held_over_live));
        table.add_row(begin.chain(cells).chain([over]));
    }
    table
}

/// Resident memory over what lives, or by itself.
pub(crate) fn held_over_live(held: &Held) -> String {
    if held.live < 1024.0 {
        format!("{:.1} MiB", held.resident / 1024.0)
    } else {
        format!("{:.2}", held.over_live())
    }
}

/// One figure of everybody at some phases.
fn grid<'a>(
    phases: impl Iterator<Item = &'a Phase>,
    names: &[&String],
    figure: impl Fn(&Held) -> String,
) -> Table {
    let head = ["workload", "phase"].map(str::to_owned).into_iter();
    let mut table = table(head.chain(names.iter().map(|name| (*name).clone())));
    for phase in phases {
        let begin = [phase.workload.clone(), phase.name.clone()].into_iter();
        table.add_row(begin.chain(names.iter().map(|name| shown(phase, name, &figure))));
    }
    table
}

fn shown(phase: &Phase, name: &str, figure: impl Fn(&Held) -> String) -> String {
    phase.cells.get(name).map_or("–".to_owned(), figure)
}

fn table(header: impl IntoIterator<Item = String>) -> Table {
    let mut table = Table::new();
    table.set_header(header);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{super::phases::tests::fixture, markdown, tables};

    #[test]
    fn the_tables_say_what_everybody_held() {
        let text = tables(&fixture());
        for part in ["filled", "9.8 MiB", "2.00", "1.50", "1.20", "1.25 (system)", "3.0 MiB"] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(markdown(&fixture()).contains("| table "));
    }

    #[test]
    fn a_record_without_looks_has_no_tables() {
        assert_eq!(tables(&crate::bench::report::fixture()), "");
    }
}
