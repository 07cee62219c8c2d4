//! Every state of the process is named in the table of what a fork finds.

#![cfg(not(loom))]

use std::{collections::BTreeSet, fs, path::Path};

/// The names of the statics that change, in a folder's sources. What is only there for tests isn't.
fn statics(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            statics(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") && !path.ends_with("faults.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let shipped = text.split("mod tests {").next().unwrap();
            found.extend(shipped.lines().filter_map(changing));
        }
    }
}

/// The name of the static that a line declares, if it can change.
fn changing(line: &str) -> Option<String> {
    let line = line.trim_start();
    let (seen_by, rest) = line.split_once("static ")?;
    let (name, kind) = rest.split_once(": ")?;
    let changes = ["Atomic", "Lock<", "Account", "Fork", "Spares", "Table<", "Blocks<", "Slots<"];
    let may_change = changes.iter().any(|change| kind.contains(change));
    (may_change && ["", "pub(crate) ", "pub(super) "].contains(&seen_by)).then(|| name.to_owned())
}

#[test]
fn what_a_fork_finds_is_all_there_is() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = BTreeSet::new();
    for folder in ["core", "pages", "arena", "malloc"] {
        statics(&crates.join(folder).join("src"), &mut found);
    }
    let page = fs::read_to_string(crates.join("../docs/ARCHITECTURE.md")).unwrap();
    let table = page.split("## What a fork finds").nth(1).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let named: BTreeSet<_> = rows
        .flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect();
    assert_eq!(found, named);
}
