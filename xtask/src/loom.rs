//! `cargo xtask loom`: the lock-free structures under every interleaving.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Result, ensure};

use crate::{process, tidy};

/// Runs the loom models of every crate that has some.
#[derive(clap::Args)]
pub(crate) struct Loom {}

impl Loom {
    pub(crate) fn run(self) -> Result<()> {
        let modelled = modelled(process::root())?;
        ensure!(!modelled.is_empty(), "no crate has a loom model");
        for folder in &modelled {
            // The models are long walks: optimised, but not linked as the product is.
            let mut command = process::cargo(&["test", "--release", "--lib", "--manifest-path"]);
            command.arg(process::root().join("crates").join(folder).join("Cargo.toml"));
            command.arg("--target-dir").arg(process::target_dir().join("loom"));
            command.env("RUSTFLAGS", "--cfg loom").arg("loom_");
            command.env("CARGO_PROFILE_RELEASE_LTO", "off");
            command.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
            process::step(&format!("loom models of {folder}"), &mut command)?;
        }
        Ok(())
    }
}

/// The folders of `crates` with a test whose name begins with `loom_`.
fn modelled(root: &Path) -> Result<BTreeSet<String>> {
    let crates = root.join("crates");
    let mut found = BTreeSet::new();
    for file in tidy::files(&crates, "rs")? {
        if fs::read_to_string(&file)?.contains("fn loom_") {
            let folder = file.strip_prefix(&crates)?.iter().next().unwrap_or_default();
            found.insert(folder.to_string_lossy().into_owned());
        }
    }
    Ok(found)
}
