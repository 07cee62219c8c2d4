//! A record as one self-contained page: charts, tables, and what to know before believing them.

use std::fmt::Write;

use super::{
    chart::{Point, Strip, colour, escape, scatter, strips},
    record::Record,
    statistics::{Measure, Row, mean, rows, whole},
    table::{mebibytes, milliseconds},
};

const STYLE: &str = include_str!("report.css");

/// The page of a record.
pub(crate) fn page(record: &Record) -> String {
    let rows = rows(record);
    let allocators = &record.header.allocators;
    let mut page = String::from("<!doctype html><html lang='en'><head><meta charset='utf-8'>");
    let _ = write!(
        page,
        "<title>Allocators compared, {}</title><style>{STYLE}</style></head><body>",
        record.header.date
    );
    // An icon of its own keeps browsers from asking the network for one.
    page = page.replace("</head>", "<link rel='icon' href='data:,'></head>");
    page.push_str("<h1>Allocators compared</h1>");
    header(&mut page, record);
    legend(&mut page, allocators);
    if !rows.is_empty() {
        means(&mut page, &rows, allocators);
        charts(&mut page, &rows, allocators);
        figures(&mut page, "Time, milliseconds", &rows, allocators, Measure::Wall);
        figures(&mut page, "Peak resident memory, MiB", &rows, allocators, Measure::Peak);
        figures(&mut page, "Resident memory at the end, MiB", &rows, allocators, Measure::Final);
        figures(&mut page, "Page faults", &rows, allocators, Measure::Faults);
    }
    single_operations(&mut page, record);
    workloads(&mut page, record);
    page + "</body></html>\n"
}

fn header(page: &mut String, record: &Record) {
    let header = &record.header;
    let crates = header.crates.join(", ");
    page.push_str("<dl>");
    for (term, value) in [
        ("measured", format!("{} UTC, commit {}", header.date, header.commit)),
        ("machine", header.system.clone()),
        ("compiler", header.compiler.clone()),
        ("crates", crates),
        ("work a run", format!("{} % of the standard amount", header.scale)),
        ("load before", format!("{:.2}", header.load)),
    ] {
        let _ = write!(page, "<dt>{term}</dt><dd>{}</dd>", escape(&value));
    }
    page.push_str("</dl><p class='warning'>A ratio is a median over the least median of its row. ");
    page.push_str("Differences inside a row's grey band, the spread of a typical allocator's own runs, mean nothing. ");
    page.push_str("A geometric mean weighs every workload alike, as no real program does.</p>");
    for failure in record.failures() {
        let _ = write!(
            page,
            "<p class='warning'>{} ×{} failed on {}: {}</p>",
            escape(&failure.workload),
            failure.threads,
            escape(&failure.allocator),
            escape(&failure.reason)
        );
    }
}

fn legend(page: &mut String, allocators: &[String]) {
    page.push_str("<p class='legend'>");
    for (index, name) in allocators.iter().enumerate() {
        let _ = write!(
            page,
            "<span><i style='background:{}'></i>{}</span>",
            colour(index),
            escape(name)
        );
    }
    page.push_str("</p>");
}

/// Each allocator's mean time against its mean memory, as a picture and as a table.
fn means(page: &mut String, rows: &[Row], allocators: &[String]) {
    let of = |name: &str, measure| {
        mean(whole(rows, allocators).filter_map(|row| row.ratio(name, measure)))
    };
    let points: Vec<Point> = allocators
        .iter()
        .enumerate()
        .map(|(index, name)| Point {
            allocator: name,
            index,
            x: of(name, Measure::Wall),
            y: of(name, Measure::Peak),
        })
        .collect();
    let used = whole(rows, allocators).count();
    let _ = write!(
        page,
        "<h2>Geometric means over {used} of {} rows</h2><div class='scatters'>",
        rows.len()
    );
    page.push_str(&scatter("time → memory ↑", &points));
    page.push_str("<table id='means'><tr><th>allocator</th><th>time</th><th>peak memory</th></tr>");
    for point in &points {
        let _ = write!(
            page,
            "<tr><td>{}</td><td>{:.2}</td><td>{:.2}</td></tr>",
            escape(point.allocator),
            point.x,
            point.y
        );
    }
    page.push_str("</table></div>");
}

fn charts(page: &mut String, rows: &[Row], allocators: &[String]) {
    page.push_str("<h2>Time over the best of the row</h2>");
    let strip = |row: &Row, measure| Strip {
        name: row.name(),
        points: points(row, allocators, measure),
        noise: if measure == Measure::Wall { row.noise() } else { 0.0 },
    };
    page.push_str(&strips(
        "time",
        &rows.iter().map(|row| strip(row, Measure::Wall)).collect::<Vec<_>>(),
    ));
    page.push_str("<h2>Peak resident memory over the leanest of the row</h2>");
    page.push_str(&strips(
        "memory",
        &rows.iter().map(|row| strip(row, Measure::Peak)).collect::<Vec<_>>(),
    ));
    page.push_str("<h2>Time against memory</h2><p>Lower left is best.</p><div class='scatters'>");
    for row in rows {
        page.push_str(&scatter(&row.name(), &points(row, allocators, Measure::Wall)));
    }
    page.push_str("</div>");
}

/// The allocators of a row: across by `measure`, up by peak memory.
fn points<'a>(row: &Row, allocators: &'a [String], measure: Measure) -> Vec<Point<'a>> {
    let point = |(index, name): (usize, &'a String)| {
        let (x, y) = (row.ratio(name, measure)?, row.ratio(name, Measure::Peak)?);
        Some(Point { allocator: name, index, x, y })
    };
    allocators.iter().enumerate().filter_map(point).collect()
}

/// A table of medians; `data-median` has the figure in the record's own unit.
fn figures(page: &mut String, title: &str, rows: &[Row], allocators: &[String], measure: Measure) {
    let _ = write!(page, "<h2>{title}</h2><div class='wide'><table><tr><th>workload</th>");
    for name in allocators {
        let _ = write!(page, "<th>{}</th>", escape(name));
    }
    page.push_str("</tr>");
    for row in rows {
        let _ = write!(page, "<tr><td>{}</td>", escape(&row.name()));
        for name in allocators {
            cell(page, row, name, measure);
        }
        page.push_str("</tr>");
    }
    page.push_str("</table></div>");
}

fn cell(page: &mut String, row: &Row, allocator: &str, measure: Measure) {
    let Some(cell) = row.cells.get(allocator) else {
        page.push_str("<td class='failed'>failed</td>");
        return;
    };
    let median = cell.median(measure);
    let class = if median <= row.best(measure) { " class='best'" } else { "" };
    let shown = match measure {
        Measure::Wall | Measure::Processor => milliseconds(median),
        Measure::Peak | Measure::Final => mebibytes(median),
        Measure::Faults => format!("{median:.0}"),
    };
    let shown = shown.trim_end_matches(|letter: char| letter.is_alphabetic() || letter == ' ');
    let key = format!("{measure:?}/{}/{allocator}", row.name());
    let _ = write!(
        page,
        "<td{class} data-key=\"{}\" data-median=\"{median}\" title='{} runs, spread {:.0} %'>{shown}</td>",
        escape(&key),
        cell.count(),
        100.0 * cell.spread(measure)
    );
}

fn single_operations(page: &mut String, record: &Record) {
    if record.micros().next().is_some() {
        page.push_str(
            "<h2>Single operations, nanoseconds (criterion)</h2><table><tr><th>operation</th>",
        );
        page.push_str("<th>allocator</th><th>median</th><th>interval</th></tr>");
        for micro in record.micros() {
            let _ = write!(
                page,
                "<tr><td>{}</td><td>{}</td><td>{:.2}</td><td>{:.2} – {:.2}</td></tr>",
                escape(&micro.operation),
                escape(&micro.allocator),
                micro.median_ns,
                micro.low_ns,
                micro.high_ns
            );
        }
        page.push_str("</table>");
    }
    if record.instructions().next().is_some() {
        page.push_str("<h2>Instructions an operation (callgrind)</h2><table><tr><th>workload</th>");
        page.push_str("<th>allocator</th><th>instructions</th></tr>");
        for count in record.instructions() {
            let (workload, allocator) = (escape(&count.workload), escape(&count.allocator));
            let _ = write!(
                page,
                "<tr><td>{workload}</td><td>{allocator}</td><td>{:.1}</td></tr>",
                count.per_op
            );
        }
        page.push_str("</table>");
    }
}

fn workloads(page: &mut String, record: &Record) {
    page.push_str("<h2>What the workloads do</h2><dl>");
    let mut last = "";
    for entry in record
        .workloads()
        .filter(|entry| std::mem::replace(&mut last, &entry.workload) != entry.workload)
    {
        let _ =
            write!(page, "<dt>{}</dt><dd>{}</dd>", escape(&entry.workload), escape(&entry.about));
    }
    page.push_str("</dl>");
}

/// A small record with known figures: one row that both allocators end, one that one of them fails.
#[cfg(test)]
pub(crate) fn fixture() -> Record {
    Record::parse(include_str!("fixture.jsonl")).expect("the fixture is a record")
}
