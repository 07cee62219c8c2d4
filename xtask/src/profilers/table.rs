//! The page's tables.

use std::fs;

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};

use super::{
    found::Held,
    runs::{Outcome, Run, Runs, median},
};
use crate::{bench::machine, marks, process};

const MB: f64 = 1e6;

/// What each profiler found.
pub(super) fn found(outcomes: &[Outcome]) -> Table {
    let mut table = titled(&[
        "profiler",
        "notes",
        "`audit` leaks, MB",
        "of the truth",
        "`cache` holds, MB",
        "of the truth",
    ]);
    if let Some(first) = outcomes.first() {
        let [audit, cache] = truth(&first.runs);
        table.add_row(["the truth", "", &mb(audit), "", &mb(cache), ""]);
    }
    for Outcome { tool, runs, .. } in outcomes {
        let notes = if tool.is_exact { "every call" } else { "samples" };
        let (held, truth) = (middles(&runs.found), truth(runs));
        let of_truth = |which: usize| spread(&runs.found, which, truth[which]);
        let row = [&tool.name, notes, &mb(held[0]), &of_truth(0), &mb(held[1]), &of_truth(1)];
        table.add_row(row);
    }
    table
}

/// What each costs.
pub(super) fn cost(outcomes: &[Outcome]) -> Table {
    let mut table = titled(&[
        "profiler",
        "processor time, s: off",
        "on",
        "on / off",
        "1000 instructions a request: off",
        "on",
        "resident, MB: off",
        "on",
        "written, KB",
        "runs",
    ]);
    for Outcome { tool, runs, counts } in outcomes {
        let work = |runs: &[Run]| median(runs.iter().map(|run| run.work));
        let peak = |runs: &[Run]| mb(median(runs.iter().map(|run| run.peak)));
        let (off, on) = (work(&runs.off), work(&runs.on));
        let count = |which: Option<f64>| {
            which.map_or_else(|| "–".to_owned(), |count| format!("{:.1}", count / 1000.0))
        };
        table.add_row([
            tool.name.clone(),
            format!("{off:.2}"),
            format!("{on:.2}"),
            format!("{:.2}", on / off),
            count(counts.as_ref().map(|counts| counts.off)),
            count(counts.as_ref().map(|counts| counts.on)),
            peak(&runs.off),
            peak(&runs.on),
            format!("{:.0}", runs.output as f64 / 1000.0),
            runs.on.len().to_string(),
        ]);
    }
    table
}

fn titled(titles: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(titles);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn mb(bytes: f64) -> String {
    format!("{:.1}", bytes / MB)
}

/// What the program's functions held; the same in each run.
fn truth(runs: &Runs) -> Held {
    runs.on.first().map_or(Held::default(), |run| run.truth)
}

fn middles(found: &[Held]) -> Held {
    [0, 1].map(|which| median(found.iter().map(|held| held[which])))
}

/// The least and the most that was found, in parts of the truth.
fn spread(found: &[Held], which: usize, truth: f64) -> String {
    let parts = found.iter().map(|held| held[which] / truth);
    let least = parts.clone().fold(f64::INFINITY, f64::min);
    let most = parts.fold(0.0, f64::max);
    let [least, most] = [least, most].map(|part| format!("{part:.2}"));
    if least == most { least } else { format!("{least} to {most}") }
}

/// Writes a part of the page, with where and when it was made.
pub(super) fn write(name: &str, of_what: &str, tables: &str) -> Result<()> {
    let page = process::root().join("docs/PROFILERS.md");
    let date = machine::now()?;
    let (day, _) = date.split_once('T').unwrap_or((&date, ""));
    let (system, commit) = (machine::system()?, machine::commit());
    let text = format!("{day}; {system}; commit {commit}; {of_what}.\n\n{tables}\n");
    let old = fs::read_to_string(&page)?;
    Ok(fs::write(&page, marks::insert(&old, name, &text)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_said_where_there_is_one() {
        let found = [[10.0, 1.0], [12.0, 1.0], [11.0, 1.0]];
        assert_eq!(spread(&found, 0, 10.0), "1.00 to 1.20");
        assert_eq!(spread(&found, 1, 1.0), "1.00");
        assert_eq!(middles(&found).map(|middle| middle.to_string()), ["11", "1"]);
    }
}
