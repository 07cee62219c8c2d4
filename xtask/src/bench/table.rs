//! A record as tables in the terminal.

use std::{collections::BTreeMap, fmt::Write};

use comfy_table::{CellAlignment, Table, presets};

use super::{
    record::Record,
    statistics::{Measure, Row, mean, rows, self_comparison, whole},
};

/// Every table of a record.
pub(crate) fn tables(record: &Record) -> String {
    let rows = rows(record);
    let allocators = &record.header.allocators;
    let mut text = String::new();
    if !rows.is_empty() {
        push(&mut text, "Time over the best of the row", &ratios(&rows, allocators, Measure::Wall));
        push(
            &mut text,
            "Peak resident memory over the leanest of the row",
            &ratios(&rows, allocators, Measure::Peak),
        );
        push(&mut text, "Geometric means", &means(&rows, allocators));
        notes(&mut text, record, &rows);
    }
    if record.instructions().next().is_some() {
        let counts =
            record.instructions().map(|count| (&count.workload, &count.allocator, count.per_op));
        push(&mut text, "Instructions an operation", &grid("workload", allocators, counts));
    }
    if record.micros().next().is_some() {
        push(&mut text, "Nanoseconds an operation (criterion)", &micros(record));
    }
    text
}

fn push(text: &mut String, title: &str, table: &Table) {
    let _ = writeln!(text, "\n{title}\n{table}");
}

/// An empty table of one column of names and others of figures.
fn table(header: impl IntoIterator<Item = String>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn ratios(rows: &[Row], allocators: &[String], measure: Measure) -> Table {
    let head = ["workload", "best", "noise"].map(str::to_owned).into_iter();
    let mut table = table(head.chain(allocators.iter().cloned()));
    for row in rows {
        let best = row.best(measure);
        let best = if measure == Measure::Peak { mebibytes(best) } else { milliseconds(best) };
        let noise = if measure == Measure::Wall {
            format!("±{:.0} %", 50.0 * row.noise())
        } else {
            String::new()
        };
        let ratio = |allocator| {
            row.ratio(allocator, measure).map_or("failed".to_owned(), |ratio| format!("{ratio:.2}"))
        };
        table.add_row(
            [row.name(), best, noise].into_iter().chain(allocators.iter().map(|name| ratio(name))),
        );
    }
    table
}

/// What the last table shows: a title, the measure, and whether it is over the best of the others.
const MEANS: [(&str, Measure, bool); 6] = [
    ("time, over the best of each row", Measure::Wall, false),
    ("processor time, over the least", Measure::Processor, false),
    ("peak memory, over the leanest", Measure::Peak, false),
    ("final memory, over the leanest", Measure::Final, false),
    ("time, over the best of the others", Measure::Wall, true),
    ("peak memory, over the leanest of the others", Measure::Peak, true),
];

fn means(rows: &[Row], allocators: &[String]) -> Table {
    let mut table = table(std::iter::once(String::new()).chain(allocators.iter().cloned()));
    for (title, measure, lead) in MEANS {
        let mean = |allocator: &String| {
            let ratio = |row: &Row| {
                if lead { row.lead(allocator, measure) } else { row.ratio(allocator, measure) }
            };
            format!("{:.2}", mean(whole(rows, allocators).filter_map(ratio)))
        };
        table.add_row(std::iter::once(title.to_owned()).chain(allocators.iter().map(mean)));
    }
    table
}

/// What a reader must know before he believes the figures.
fn notes(text: &mut String, record: &Record, rows: &[Row]) {
    let allocators = &record.header.allocators;
    let used = whole(rows, allocators).count();
    let _ =
        writeln!(text, "means over {used} of {} rows: those in which nobody failed", rows.len());
    let noisy = rows.iter().filter(|row| row.noise() > 0.1).count();
    if noisy > 0 {
        let _ = writeln!(
            text,
            "warning: in {noisy} rows a typical allocator's own runs lie more than 10 % apart; differences within \
             that are noise"
        );
    }
    for name in allocators {
        if let Some((beyond, pairs, ratio)) = self_comparison(rows, name) {
            let _ = writeln!(
                text,
                "{name} against itself: {ratio:.3} over {pairs} rows; {beyond} of them differ beyond their spread"
            );
        }
    }
    for failure in record.failures() {
        let _ = writeln!(
            text,
            "failed: {} ×{} on {}: {}",
            failure.workload, failure.threads, failure.allocator, failure.reason
        );
    }
}

/// Figures by name and allocator.
fn grid<'a>(
    title: &str,
    allocators: &[String],
    figures: impl Iterator<Item = (&'a String, &'a String, f64)>,
) -> Table {
    let mut names: Vec<&String> = Vec::new();
    let mut cells = BTreeMap::new();
    for (name, allocator, figure) in figures {
        if !names.contains(&name) {
            names.push(name);
        }
        cells.insert((name, allocator), figure);
    }
    let mut table = table(std::iter::once(title.to_owned()).chain(allocators.iter().cloned()));
    for name in names {
        let figure = |allocator| {
            cells.get(&(name, allocator)).map_or("–".to_owned(), |figure| format!("{figure:.1}"))
        };
        table.add_row(std::iter::once(name.clone()).chain(allocators.iter().map(figure)));
    }
    table
}

fn micros(record: &Record) -> Table {
    let mut table = table(["operation", "allocator", "median", "from", "to"].map(str::to_owned));
    for micro in record.micros() {
        let figures =
            [micro.median_ns, micro.low_ns, micro.high_ns].map(|figure| format!("{figure:.2}"));
        table
            .add_row([micro.operation.clone(), micro.allocator.clone()].into_iter().chain(figures));
    }
    table
}

/// Nanoseconds as milliseconds.
pub(crate) fn milliseconds(nanoseconds: f64) -> String {
    format!("{:.1} ms", nanoseconds / 1e6)
}

/// KiB as MiB.
pub(crate) fn mebibytes(kib: f64) -> String {
    format!("{:.1} MiB", kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::super::report::fixture;

    #[test]
    fn the_tables_say_who_failed_and_by_how_much_others_lose() {
        let text = super::tables(&fixture());
        for part in
            ["sort ×2", "4.00", "failed: tree ×1 on slow: signal: 11", "means over 1 of 2 rows"]
        {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}
