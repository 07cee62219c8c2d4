//! `cargo xtask loom`: the lock-free structures under the interleavings that loom finds different.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Result, ensure};

use crate::{files, process};

/// Runs the loom models of every crate that has some.
#[derive(clap::Args)]
pub(crate) struct Loom {}

impl Loom {
    pub(crate) fn run(self) -> Result<()> {
        run_all().map(drop)
    }
}

/// Runs the models of all crates; each crate's folder, and what its models said.
pub(crate) fn run_all() -> Result<Vec<(String, String)>> {
    let modelled = modelled(process::root())?;
    ensure!(!modelled.is_empty(), "no crate has a loom model");
    let mut said = Vec::new();
    for folder in modelled {
        let mut command = process::cargo(&["test", "--lib", "--manifest-path"]);
        command.arg(process::root().join("crates").join(&folder).join("Cargo.toml"));
        build_models(&mut command, &process::target_dir().join("loom"));
        command.args(["loom_", "--", "--nocapture"]);
        let output = process::step(&format!("loom models of {folder}"), &mut command)?;
        let output = String::from_utf8_lossy(&output.stderr).into_owned();
        eprintln!("     {} executions", counts(&output).map(|(_, count)| count).sum::<usize>());
        said.push((folder, output));
    }
    Ok(said)
}

/// Lets cargo build models, in a folder of their own. They are long walks: optimised, but not linked as the
/// product is.
pub(crate) fn build_models(command: &mut Command, folder: &Path) {
    command.args(["--release", "--target-dir"]).arg(folder).env("RUSTFLAGS", "--cfg loom");
    command.env("CARGO_PROFILE_RELEASE_LTO", "off");
    command.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
}

/// The models that say how many executions they had, each in a line of its own, and how many.
pub(crate) fn counts(output: &str) -> impl Iterator<Item = (&str, usize)> {
    let said = output.lines().filter_map(|line| line.strip_suffix(" executions"));
    said.filter_map(|line| {
        let (model, count) = line.split_once(": ")?;
        Some((model, count.parse().ok()?))
    })
}

/// The folders of `crates` with a test whose name begins with `loom_`.
fn modelled(root: &Path) -> Result<BTreeSet<String>> {
    let crates = root.join("crates");
    let mut found = BTreeSet::new();
    for file in files::files(&crates, "rs")? {
        if fs::read_to_string(&file)?.contains("fn loom_") {
            let folder = file.strip_prefix(&crates)?.iter().next().unwrap_or_default();
            found.insert(folder.to_string_lossy().into_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_say_their_executions_in_lines_of_their_own() {
        let output = "a::loom_x: 12 executions\nwarning: 7 others\nb::loom_y: 30 executions\n";
        assert!(counts(output).eq([("a::loom_x", 12), ("b::loom_y", 30)]));
    }
}
