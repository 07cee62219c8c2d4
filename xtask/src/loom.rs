//! `cargo xtask loom`: the lock-free structures under the interleavings that loom finds different.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Result, ensure};

use crate::{files, process};

/// Runs the loom models of every crate that has some.
#[derive(clap::Args)]
pub(crate) struct Loom {}

impl Loom {
    pub(crate) fn run(self) -> Result<()> {
        let modelled = modelled(process::root())?;
        ensure!(!modelled.is_empty(), "no crate has a loom model");
        for folder in &modelled {
            let mut command = process::cargo(&["test", "--lib", "--manifest-path"]);
            command.arg(process::root().join("crates").join(folder).join("Cargo.toml"));
            build_models(&mut command, &process::target_dir().join("loom"));
            command.args(["loom_", "--", "--nocapture"]);
            let output = process::step(&format!("loom models of {folder}"), &mut command)?;
            eprintln!("     {} executions", executions(&String::from_utf8_lossy(&output.stderr)));
        }
        Ok(())
    }
}

/// Lets cargo build models, in a folder of their own. They are long walks: optimised, but not linked as the
/// product is.
pub(crate) fn build_models(command: &mut Command, folder: &Path) {
    command.args(["--release", "--target-dir"]).arg(folder).env("RUSTFLAGS", "--cfg loom");
    command.env("CARGO_PROFILE_RELEASE_LTO", "off");
    command.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
}

/// The sum of the executions that models say they had, each in a line of its own.
fn executions(output: &str) -> usize {
    let said = output.lines().filter_map(|line| line.strip_suffix(" executions"));
    said.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
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
    fn the_executions_of_all_models_are_summed() {
        let output = "a::loom_x: 12 executions\nwarning: 7 others\nb::loom_y: 30 executions\n";
        assert_eq!(executions(output), 42);
    }
}
