//! A record as tables in the terminal.

use std::{collections::BTreeMap, fmt::Write};

use comfy_table::{CellAlignment, Table, presets};

use super::{
    cell::Measure,
    groups::{Group, groups},
    load,
    record::Record,
    statistics::self_comparison,
};

/// Every table of a record.
pub(crate) fn tables(record: &Record) -> String {
    let mut text = String::new();
    for group in groups(record) {
        let _ = writeln!(text, "\n{}", group.title.to_uppercase());
        push(&mut text, "Time over the best of the row", &ratios(&group, Measure::Wall));
        push(
            &mut text,
            "Peak resident memory over the leanest of the row",
            &ratios(&group, Measure::Peak),
        );
        push(
            &mut text,
            "Processor time over the least of the row",
            &ratios(&group, Measure::Processor),
        );
        push(
            &mut text,
            "Page faults, calls of madvise, milliseconds in the kernel",
            &kernel(&group),
        );
        push(&mut text, "Geometric means", &means(&group));
        notes(&mut text, &group);
    }
    ends(&mut text, record);
    for (title, table) in single_operations(record) {
        push(&mut text, title, &table);
    }
    text
}

/// What is known of single operations, by title.
pub(crate) fn single_operations(record: &Record) -> Vec<(&'static str, Table)> {
    let allocators = &record.header.allocators;
    let mut tables = Vec::new();
    if record.instructions().next().is_some() {
        let counts =
            record.instructions().map(|count| (&count.workload, &count.allocator, count.per_op));
        tables.push(("Instructions an operation", grid("workload", allocators, counts)));
    }
    if record.micros().next().is_some() {
        tables.push(("Nanoseconds an operation (criterion)", micros(record)));
    }
    tables
}

/// What [`kernel`] shows.
pub(crate) const KERNEL: &str = "Page faults, calls of madvise, milliseconds in the kernel";

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

pub(crate) fn ratios(group: &Group, measure: Measure) -> Table {
    let Group { rows, allocators, .. } = group;
    let head = ["workload", "best", "spread"].map(str::to_owned).into_iter();
    let mut table = table(head.chain(allocators.iter().cloned()));
    for row in rows {
        let best = row.best(measure);
        let best = if measure == Measure::Peak { mebibytes(best) } else { milliseconds(best) };
        let spread = percent(row.spread(measure));
        let ratio = |allocator: &str| {
            let ratio = row.ratio(allocator, measure).map(|ratio| format!("{ratio:.2}"));
            let both: Vec<String> = ratio.into_iter().chain(row.failure(allocator)).collect();
            if both.is_empty() { "–".to_owned() } else { both.join(", ") }
        };
        table.add_row(
            [row.name(), best, spread].into_iter().chain(allocators.iter().map(|name| ratio(name))),
        );
    }
    table
}

/// What the kernel did for each allocator.
pub(crate) fn kernel(group: &Group) -> Table {
    let head = std::iter::once("workload".to_owned());
    let mut table = table(head.chain(group.allocators.iter().cloned()));
    for row in &group.rows {
        let cell = |allocator: &String| {
            let Some(cell) = row.cells.get(allocator) else { return "–".to_owned() };
            let calls = if cell.knows(Measure::Madvise) {
                format!("{:.0}", cell.median(Measure::Madvise))
            } else {
                "?".to_owned()
            };
            let (faults, system) = (cell.median(Measure::Faults), cell.median(Measure::System));
            format!("{faults:.0}, {calls}, {:.0}", system / 1e6)
        };
        table.add_row(std::iter::once(row.name()).chain(group.allocators.iter().map(cell)));
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

fn means(group: &Group) -> Table {
    let Group { allocators, .. } = group;
    let mut table = table(std::iter::once(String::new()).chain(allocators.iter().cloned()));
    for (title, measure, lead) in MEANS.into_iter().filter(|(_, measure, _)| group.knows(*measure))
    {
        let mean = |allocator: &String| {
            let of = if lead { Group::lead } else { Group::mean };
            format!("{:.2}", of(group, allocator, measure))
        };
        table.add_row(std::iter::once(title.to_owned()).chain(allocators.iter().map(mean)));
    }
    table
}

/// What a reader must know before he believes the figures of a group.
fn notes(text: &mut String, group: &Group) {
    let (used, all) = (group.whole().count(), group.rows.len());
    let _ = writeln!(text, "means over {used} of {all} rows: those in which nobody failed");
    let spreads: Vec<Option<f64>> =
        group.rows.iter().map(|row| row.spread(Measure::Wall)).collect();
    let unknown = spreads.iter().filter(|spread| spread.is_none()).count();
    let wide = spreads.iter().flatten().filter(|spread| **spread > 0.1).count();
    for (rows, what) in [
        (unknown, "were run once, so that nobody knows by how much equal allocators differ"),
        (wide, "have a spread beyond 10 %: equal allocators may differ by as much"),
    ] {
        if rows > 0 {
            let _ =
                writeln!(text, "warning: {rows} rows {what}; more rounds (--minutes) tell more");
        }
    }
    for name in &group.allocators {
        if let Some((beyond, pairs, ratio)) = self_comparison(&group.rows, name) {
            let _ = writeln!(
                text,
                "{name} against itself: {ratio:.3} over {pairs} rows; they differ beyond the spread in {beyond}"
            );
        }
    }
}

/// Which runs did not end well, and what disturbed the others.
fn ends(text: &mut String, record: &Record) {
    for failure in record.failures() {
        let _ = writeln!(
            text,
            "{}: {} ×{} on {}: {}",
            failure.word(),
            failure.workload,
            failure.threads,
            failure.allocator,
            failure.reason
        );
    }
    if let Some(noise) = record.noise() {
        let warning = if noise.others + noise.stolen > load::BUSY { "warning: " } else { "" };
        let _ = writeln!(text, "{warning}while measuring, {}", noise.words());
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

/// A share in percent; a question mark where it isn't known.
pub(crate) fn percent(share: Option<f64>) -> String {
    share.map_or("?".to_owned(), |share| format!("{:.0} %", 100.0 * share))
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
        for part in [
            "sort ×2",
            "4.00",
            "crashed",
            "crashed: tree ×1 on slow: signal: 11",
            "means over 1 of 2 rows",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}
