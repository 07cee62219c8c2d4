//! What came of the cases, in tables.

use std::{fs, path::PathBuf};

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};

use super::{Row, allocator::Allocator, verdict::Verdict};
use crate::{bench::machine, marks, process};

/// How many of each kind each allocator noticed.
pub(super) fn table(rows: &[Row], allocators: &[Allocator]) -> Table {
    let mut table = titled(&["kind", "what it is"], allocators);
    for row in rows {
        let counts = (0..allocators.len()).map(|place| {
            let verdicts: Vec<_> = row.cases.iter().map(|case| case.verdicts[place]).collect();
            count(&verdicts)
        });
        let about = [row.kind.name.replace('_', " "), row.kind.about.to_owned()];
        table.add_row(about.into_iter().chain(counts));
    }
    table
}

/// What came of each case.
pub(super) fn cases(rows: &[Row], allocators: &[Allocator]) -> Table {
    let mut table = titled(&["kind", "case"], allocators);
    for row in rows {
        for case in &row.cases {
            let words = case.verdicts.iter().map(|verdict| verdict.word().replace('-', " "));
            let about = [row.kind.name.replace('_', " "), case.name.clone()];
            table.add_row(about.into_iter().chain(words));
        }
    }
    table
}

fn titled(first: &[&str], allocators: &[Allocator]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    let names = allocators.iter().map(|allocator| allocator.name.clone());
    table.set_header(first.iter().map(|&name| name.to_owned()).chain(names));
    for place in first.len()..first.len() + allocators.len() {
        if let Some(column) = table.column_mut(place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// As `12 + 3 of 18`: at the call, and later before harm was done.
fn count(verdicts: &[Verdict]) -> String {
    let there = verdicts.iter().filter(|&&verdict| verdict != Verdict::NotThere).count();
    let at_call = verdicts.iter().filter(|&&verdict| verdict == Verdict::AtTheCall).count();
    let later = |&&verdict: &&Verdict| matches!(verdict, Verdict::Later | Verdict::AtTheEnd);
    match (there, verdicts.iter().filter(later).count()) {
        (0, _) => "–".to_owned(),
        (there, 0) => format!("{at_call} of {there}"),
        (there, later) => format!("{at_call} + {later} of {there}"),
    }
}

/// Writes the table into its page, with where and when it was made.
pub(super) fn write(rows: &[Row], allocators: &[Allocator]) -> Result<()> {
    let date = machine::now()?;
    let (day, _) = date.split_once('T').unwrap_or((&date, ""));
    let (system, commit) = (machine::system()?, machine::commit());
    let text = format!("{day}; {system}; commit {commit}.\n\n{}\n", table(rows, allocators));
    let old = fs::read_to_string(place())?;
    Ok(fs::write(place(), marks::insert(&old, "misuse table", &text)?)?)
}

fn place() -> PathBuf {
    process::root().join("docs/SECURITY.md")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_tell_what_is_noticed_at_the_call_from_what_is_later() {
        use Verdict::{AtTheCall, AtTheEnd, Later, Missed, NotThere};
        assert_eq!(count(&[AtTheCall, Missed, NotThere]), "1 of 2");
        assert_eq!(count(&[AtTheCall, Later, AtTheEnd, Missed]), "1 + 2 of 4");
        assert_eq!(count(&[NotThere]), "–");
    }
}
