//! A record as one self-contained page: charts, tables, and what to know before believing them.

use std::fmt::Write;

use super::{
    allocators::OWN,
    cell::Measure,
    chart::{Look, Point, Strip, bars, escape, looks, scatter, strips},
    figures,
    groups::{Group, groups},
    load, memory,
    record::{Noise, Record},
    statistics::{Row, self_comparison},
};

const STYLE: &str = include_str!("report.css");

/// The page of a record.
pub(crate) fn page(record: &Record) -> String {
    let looks = looks(&record.header.allocators);
    let groups = groups(record);
    // An icon of its own keeps browsers from asking the network for one.
    let mut page = format!(
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Allocators compared, {}</title>\
         <link rel='icon' href='data:,'><style>{STYLE}</style></head><body>",
        record.header.date
    );
    title(&mut page, record);
    legend(&mut page, &looks);
    if !groups.is_empty() {
        means(&mut page, &groups, &looks);
    }
    caveats(&mut page, record, &groups);
    memory::section(&mut page, record, &looks);
    for group in &groups {
        section(&mut page, group, &looks);
    }
    figures::single_operations(&mut page, record);
    workloads(&mut page, record);
    origin(&mut page, record);
    page + "</body></html>\n"
}

fn title(page: &mut String, record: &Record) {
    let (date, system) = (record.header.date.replacen('T', " ", 1), escape(&record.header.system));
    let _ =
        write!(page, "<h1>Allocators compared</h1><p class='subtitle'>{date} UTC · {system}</p>");
}

fn legend(page: &mut String, looks: &[Look]) {
    page.push_str("<p class='legend'>");
    for look in looks {
        let (fill, colour, name) = (look.fill(), look.colour, escape(look.name));
        let name = if name == OWN { format!("<b>{name}</b>") } else { name };
        // A ring has no fill; a background has no colour called none.
        let fill = if fill == "none" { "transparent" } else { fill };
        let _ = write!(
            page,
            "<span><i style='background:{fill};border-color:{colour}'></i>{name}</span>"
        );
    }
    page.push_str("</p>");
}

/// Each allocator's mean time and memory in each group.
fn means(page: &mut String, groups: &[Group], looks: &[Look]) {
    page.push_str("<h2>In the geometric mean</h2><p>Time (full colour) and peak resident memory (pale), each over the ");
    page.push_str(
        "best of its row: 1.00, at the line, would be best in every row.</p><div class='groups'>",
    );
    for group in groups {
        let points: Vec<Point> = taking_part(group, looks)
            .map(|look| Point {
                look,
                x: group.mean(look.name, Measure::Wall),
                y: group.mean(look.name, Measure::Peak),
            })
            .collect();
        let (whole, all) = (group.whole().count(), group.rows.len());
        let _ = write!(
            page,
            "<figure><figcaption>{} ({whole} of {all} rows)</figcaption>{}</figure>",
            escape(group.title),
            bars(group.title, &points)
        );
    }
    page.push_str("</div>");
}

/// What to know before believing any figure.
fn caveats(page: &mut String, record: &Record, groups: &[Group]) {
    let mut list = String::new();
    let mut say = |text: &str| {
        let _ = write!(list, "<li>{}</li>", escape(text));
    };
    say(
        "A geometric mean weighs every workload alike, as no real program does, and hides which rows are good and \
         which are bad: look at the rows. Only rows in which nobody failed are in a mean.",
    );
    say(
        "A ratio is a median over the least median of its row. A row's grey band is the spread of a typical allocator: \
         how far its own runs lie apart, times 7 if there are two of them, 2.1 of three, 1.3 of four. A difference is \
         noise unless it is more than that and more than the spreads of both who differ, which equal allocators do in \
         one row of a thousand.",
    );
    if let Some(noise) = record.noise().filter(|noise| noise.others + noise.stolen > load::BUSY) {
        say(&format!("Measured on a busy machine: {}.", noise.words()));
    }
    for name in &record.header.allocators {
        for group in groups {
            if let Some((beyond, rows, ratio)) = self_comparison(&group.rows, name) {
                say(&format!(
                    "{}: {name} against itself comes out at {ratio:.3}; in {beyond} of {rows} rows the two differ \
                     beyond the spread.",
                    group.title
                ));
            }
        }
    }
    for run in record.failures() {
        say(&format!(
            "{} ×{} {} on {}: {}",
            run.workload,
            run.threads,
            run.word(),
            run.allocator,
            run.reason
        ));
    }
    let _ = write!(page, "<ul class='caveats'>{list}</ul>");
}

/// Everything about one group: times, memory, one against the other, and the figures.
fn section(page: &mut String, group: &Group, looks: &[Look]) {
    let _ = write!(page, "<h2>{}</h2>", escape(group.title));
    for (title, about, measure) in [
        ("Time", "Over the shortest of the row; ×N is the number of threads.", Measure::Wall),
        ("Peak resident memory", "Over the least of the row.", Measure::Peak),
    ] {
        let strip = |row: &Row| Strip {
            name: row.name(),
            points: points(row, looks, measure),
            spread: row.spread(measure),
        };
        let all: Vec<Strip> = group.rows.iter().map(strip).collect();
        let _ = write!(page, "<h3>{title}</h3><p>{about}</p>{}", strips(title, &all));
    }
    page.push_str("<h3>Time against memory</h3><p>Lower left is best.</p><div class='scatters'>");
    for row in &group.rows {
        page.push_str(&scatter(&row.name(), &points(row, looks, Measure::Wall)));
    }
    page.push_str("</div>");
    figures::tables(page, group);
}

/// The allocators of a group.
fn taking_part<'a>(group: &'a Group, looks: &'a [Look<'a>]) -> impl Iterator<Item = Look<'a>> {
    looks.iter().copied().filter(|look| group.allocators.iter().any(|name| name == look.name))
}

/// The allocators of a row: across by `measure`, up by peak memory.
fn points<'a>(row: &Row, looks: &[Look<'a>], measure: Measure) -> Vec<Point<'a>> {
    let point = |look: &Look<'a>| {
        let (x, y) = (row.ratio(look.name, measure)?, row.ratio(look.name, Measure::Peak)?);
        Some(Point { look: *look, x, y })
    };
    looks.iter().filter_map(point).collect()
}

fn workloads(page: &mut String, record: &Record) {
    page.push_str("<h2>What the workloads do</h2><dl>");
    for entry in record.workloads() {
        let (name, about) = (escape(&entry.workload), escape(&entry.about));
        let _ = write!(page, "<dt>{name}</dt><dd>{about}</dd>");
    }
    page.push_str("</dl>");
}

/// Where the record comes from.
fn origin(page: &mut String, record: &Record) {
    let header = &record.header;
    let noise = record.noise().map_or("the measurement was cut short".to_owned(), Noise::words);
    page.push_str("<h2>Machine and versions</h2><dl>");
    for (term, value) in [
        ("measured", format!("{} UTC, commit {}", header.date, header.commit)),
        ("machine", header.system.clone()),
        ("compiler", header.compiler.clone()),
        ("crates", header.crates.join(", ")),
        ("work a run", format!("{} % of the standard amount", header.scale)),
        ("meanwhile", noise),
    ] {
        let _ = write!(page, "<dt>{term}</dt><dd>{}</dd>", escape(&value));
    }
    page.push_str("</dl>");
}

/// A small record with known figures: one row that both allocators end, one that one of them fails.
#[cfg(test)]
pub(crate) fn fixture() -> Record {
    Record::parse(include_str!("fixture.jsonl")).expect("the fixture is a record")
}
