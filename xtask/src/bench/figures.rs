//! The tables of the report: every figure of a record, with a bar for its ratio to the best of its row.

use std::fmt::Write;

use super::{
    cell::Measure,
    chart::escape,
    groups::Group,
    record::{Micro, Record},
    statistics::Row,
    table::{mebibytes, milliseconds, percent},
};

/// Tables of medians, folded up.
pub(crate) fn tables(page: &mut String, group: &Group) {
    for (title, measure) in [
        ("Time, milliseconds", Measure::Wall),
        ("Processor time, milliseconds", Measure::Processor),
        ("Time in the kernel, milliseconds", Measure::System),
        ("Peak resident memory, MiB", Measure::Peak),
        ("Resident memory at the end, MiB", Measure::Final),
        ("Page faults", Measure::Faults),
        ("Calls of madvise", Measure::Madvise),
    ] {
        if group.knows(measure) {
            let _ = write!(page, "<details><summary>{title}</summary>");
            medians(page, group, measure);
            page.push_str("</details>");
        }
    }
}

/// A table of medians; `data-median` has the figure in the record's own unit.
fn medians(page: &mut String, group: &Group, measure: Measure) {
    page.push_str("<div class='wide'><table><tr><th>workload</th>");
    for name in &group.allocators {
        let _ = write!(page, "<th>{}</th>", escape(name));
    }
    page.push_str("</tr>");
    for row in &group.rows {
        let _ = write!(page, "<tr><td>{}</td>", escape(&row.name()));
        group.allocators.iter().for_each(|name| cell(page, row, name, measure));
        page.push_str("</tr>");
    }
    page.push_str("</table></div>");
}

fn cell(page: &mut String, row: &Row, allocator: &str, measure: Measure) {
    let (Some(cell), Some(ratio)) = (row.cells.get(allocator), row.ratio(allocator, measure))
    else {
        let how = row.failure(allocator).unwrap_or("–".to_owned());
        let _ = write!(page, "<td class='failed'>{how}</td>");
        return;
    };
    let median = cell.median(measure);
    let class = if median <= row.best(measure) { " class='best'" } else { "" };
    let shown = match measure {
        Measure::Wall | Measure::Processor | Measure::System => milliseconds(median),
        Measure::Peak | Measure::Final => mebibytes(median),
        Measure::Faults | Measure::Madvise => format!("{median:.0}"),
    };
    let shown = shown.trim_end_matches(|letter: char| letter.is_alphabetic() || letter == ' ');
    let key = escape(&format!("{measure:?}/{}/{allocator}", row.name()));
    let spread = percent(cell.spread(measure));
    let failed = row.failure(allocator).map_or(String::new(), |failed| format!("; {failed} runs"));
    let about = format!("{ratio:.2}× the best; runs: {}, spread: {spread}{failed}", cell.count());
    let ratio = ratio.min(5.0);
    let _ = write!(
        page,
        "<td{class} style='--ratio:{ratio:.2}' data-key=\"{key}\" data-median=\"{median}\" title='{about}'>{shown}</td>"
    );
}

/// Criterion's medians, and callgrind's counts.
pub(crate) fn single_operations(page: &mut String, record: &Record) {
    let micros: Vec<&Micro> = record.micros().collect();
    if !micros.is_empty() {
        page.push_str("<h2>Single operations</h2><p>Nanoseconds, by criterion: the median and its confidence ");
        page.push_str(
            "interval. A bar is the ratio to the best of the operation.</p><div class='groups'>",
        );
        for operation in micros.chunk_by(|a, b| a.operation == b.operation) {
            micro(page, operation);
        }
        page.push_str("</div>");
    }
    if record.instructions().next().is_some() {
        page.push_str("<h2>Instructions an operation</h2><p>Counted by callgrind.</p><table><tr><th>workload</th>");
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

/// One operation, the fastest first.
fn micro(page: &mut String, operation: &[&Micro]) {
    let mut operation = operation.to_vec();
    operation.sort_by(|a, b| a.median_ns.total_cmp(&b.median_ns));
    let best = operation[0].median_ns;
    let title = escape(&operation[0].operation);
    let _ = write!(page, "<figure><figcaption>{title}</figcaption><table>");
    for Micro { allocator, median_ns, low_ns, high_ns, .. } in operation {
        let (name, ratio) = (escape(allocator), (median_ns / best).min(5.0));
        let _ = write!(
            page,
            "<tr><td>{name}</td><td class='bar' style='--ratio:{ratio:.2}'>{median_ns:.1}</td>\
             <td>{low_ns:.1} – {high_ns:.1}</td></tr>"
        );
    }
    page.push_str("</table></figure>");
}
