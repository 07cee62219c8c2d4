//! Each line of the requirements has a test, and the tests that the table names are there.

use std::path::{Path, PathBuf};

/// A file of ours, and what stands in it.
pub(super) type Source = (PathBuf, String);

/// What the table of the requirements names and the `sources` don't have.
pub(super) fn check(table: &str, sources: &[Source]) -> Vec<String> {
    let mut crates: Vec<&str> = Vec::new();
    let mut findings = Vec::new();
    if !table.lines().any(|line| line.starts_with("| S")) {
        findings.push("the page of the requirements has none".to_owned());
    }
    for line in table.lines() {
        if line.starts_with("## S") {
            crates = spans(line).collect();
        } else if line.starts_with("| S") {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [asked, .., tests] = &cells[..] else { continue };
            let seed = asked.split(' ').next().unwrap_or_default();
            let missing = missing_tests(tests, &crates, sources);
            findings.extend(missing.iter().map(|what| format!("{seed} of the seeds: {what}")));
        }
    }
    findings
}

/// What is wrong with a line's last cell: clauses, each of files and the names of tests in them.
fn missing_tests(tests: &str, crates: &[&str], sources: &[Source]) -> Vec<String> {
    if spans(tests).next().is_none() {
        return vec!["no test is named".to_owned()];
    }
    let mut missing = Vec::new();
    for clause in tests.split(';') {
        let (files, names): (Vec<_>, Vec<_>) =
            spans(clause).partition(|span| span.contains(['.', '/']));
        let mut texts = Vec::new();
        for file in files {
            let found = texts.len();
            texts.extend(in_crates(sources, crates, file));
            if texts.len() == found {
                missing.push(format!("no file {file}"));
            }
        }
        let absent = names.iter().filter(|name| !texts.iter().any(|text| has_test(text, name)));
        missing.extend(absent.map(|name| format!("no test {name} in the files named")));
    }
    missing
}

/// The sources that a file's last parts, its whole path, or a folder's name with a slash mean.
fn in_crates<'s>(
    sources: &'s [Source],
    crates: &[&str],
    named: &str,
) -> impl Iterator<Item = &'s str> {
    sources.iter().filter_map(move |(path, text)| {
        let ours = crates.iter().any(|folder| path.starts_with(folder));
        let folder = named.strip_suffix('/');
        let within = |name: &str| path.iter().any(|part| part == name);
        let meant = folder.map_or_else(|| path.ends_with(named), within);
        (path == Path::new(named) || ours && meant).then_some(text.as_str())
    })
}

/// Returns whether a function has this name, or begins so where it ends in an asterisk.
fn has_test(text: &str, name: &str) -> bool {
    let stem = name.strip_suffix('*');
    text.split("fn ").skip(1).any(|rest| match stem {
        Some(stem) => rest.starts_with(stem),
        None => rest.strip_prefix(name).is_some_and(|rest| rest.starts_with('(')),
    })
}

/// The words in backquotes.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(tests: &str) -> usize {
        let source = |path: &str, text: &str| (PathBuf::from(path), text.to_owned());
        let sources = [
            source("crates/pool/tests/seed.rs", "#[test]\nfn s0_1_state() {}\nfn helper() {}\n"),
            source("crates/pool/src/shared/stack.rs", "fn loom_push() {}\n"),
            source("crates/heap/tests/other.rs", "fn s0_2_elsewhere() {}\n"),
        ];
        let table = format!("## S0 · Pools (`crates/pool`)\n| S0.1 state | `x.rs` | {tests} |\n");
        check(&table, &sources).len()
    }

    #[test]
    fn what_is_there_is_tidy() {
        assert_eq!(findings("`seed.rs`: `s0_1_*`"), 0);
        assert_eq!(findings("`tests/seed.rs`: `s0_1_state`; `shared/`: `loom_*`"), 0);
        assert_eq!(findings("`crates/heap/tests/other.rs` has it"), 0);
    }

    #[test]
    fn a_page_that_lost_its_rows_is_found() {
        assert_eq!(check("", &[]).len(), 1);
    }

    #[test]
    fn what_is_gone_is_found() {
        assert_eq!(findings("–"), 1, "no test at all");
        assert_eq!(findings("`seed.rs`: `s0_2_*`, `s0_1_sta`"), 2, "names that no test has");
        assert_eq!(findings("`eed.rs`"), 1, "part of a file's name");
        assert_eq!(findings("`other.rs`: `s0_2_*`"), 2, "another crate's file");
        assert_eq!(findings("`local/`: `loom_*`"), 2, "a folder that isn't there");
    }
}
