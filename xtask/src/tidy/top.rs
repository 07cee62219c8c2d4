//! The workspace's top level has what belongs there, and nothing that was left lying.

use std::{collections::BTreeSet, path::Path, process::Command};

use anyhow::Result;

use crate::process;

/// What lies there besides hidden files.
const TOP: [&str; 13] = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "benches",
    "crates",
    "docs",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "xtask",
];

/// What git has at the top of `root` and doesn't belong there, a line each.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut git = Command::new("git");
    let paths = process::said(git.arg("-C").arg(root).arg("ls-files"))?;
    let names = paths.lines().filter_map(|path| path.split('/').next());
    let strangers: BTreeSet<_> = names.filter(|name| !belongs(name)).collect();
    Ok(strangers.into_iter().map(|name| format!("{name} lies at the top")).collect())
}

fn belongs(name: &str) -> bool {
    name.starts_with('.') || TOP.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_was_left_lying_is_found() {
        for name in ["Cargo.toml", "xtask", ".gitignore"] {
            assert!(belongs(name), "{name}");
        }
        for name in ["runner", "a.out", "README"] {
            assert!(!belongs(name), "{name}");
        }
    }
}
