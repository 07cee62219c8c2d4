//! `cargo xtask oldest`: the crates with the oldest compiler that they promise to work with.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use cargo_metadata::Package;

use crate::{
    debian,
    features::{FEATURES, with_features},
    process,
};

/// Checks the crates that name the oldest `rust-version` with that compiler, which Debian has.
#[derive(clap::Args)]
pub(crate) struct Oldest {}

impl Oldest {
    pub(crate) fn run(self) -> Result<()> {
        let metadata = cargo_metadata::MetadataCommand::new().no_deps().exec()?;
        let packages = metadata.workspace_packages();
        let version_of = |package: &&Package| package.rust_version.clone();
        let version =
            packages.iter().filter_map(version_of).min().context("no package names one")?;
        let names: Vec<_> = packages
            .iter()
            .filter(|package| package.rust_version.as_ref() == Some(&version))
            .map(|package| package.name.as_str())
            .collect();
        let compiler = Compiler::get(&format!("{}.{}", version.major, version.minor))?;
        let mut alone = process::cargo(&["check", "--lib"]);
        alone.args(names.iter().flat_map(|name| ["--package", name]));
        let mut featured = with_features(&["check", "--lib"], &FEATURES);
        for (with, command) in [("", &mut alone), (", with features", &mut featured)] {
            compiler.used_by(command);
            process::step(&format!("{} crates with Rust {version}{with}", names.len()), command)?;
        }
        Ok(())
    }
}

/// A compiler of Debian's, unpacked rather than installed: a machine may have a newer one.
struct Compiler {
    root: PathBuf,
}

impl Compiler {
    /// The one of a version, as `1.85`.
    fn get(version: &str) -> Result<Self> {
        let root = process::target_dir().join(format!("rust-{version}"));
        if !root.join("usr/bin/rustc").is_file() {
            process::step_checked(&format!("Rust {version} from Debian"), || {
                unpack(version, &root)
            })?;
        }
        Ok(Self { root })
    }

    /// Lets cargo work with it.
    fn used_by(&self, command: &mut Command) {
        let libraries = ["usr/lib/x86_64-linux-gnu", "usr/lib/llvm-19/lib"];
        let paths = libraries.map(|folder| self.root.join(folder).display().to_string());
        command.arg("--target-dir").arg(process::target_dir().join("oldest"));
        command.env("RUSTC", self.root.join("usr/bin/rustc"));
        command.env("LD_LIBRARY_PATH", paths.join(":"));
        // It knows no lints that came later.
        command.env("RUSTFLAGS", "--cap-lints allow");
    }
}

fn unpack(version: &str, root: &Path) -> Result<()> {
    let full = debian::in_lists(|| packaged(version))?
        .with_context(|| format!("Debian has no rustc-web {version}"))?;
    let packages = [
        format!("rustc-web={full}"),
        format!("libstd-rust-web-{version}={full}"),
        format!("libstd-rust-web-dev={full}"),
        "libllvm19".to_owned(),
    ];
    debian::unpack(&packages, root)
}

/// Debian's whole number of a version, if the lists of packages have it.
fn packaged(version: &str) -> Result<Option<String>> {
    let listed = process::output(Command::new("apt-cache").args(["madison", "rustc-web"]))?;
    let listed = String::from_utf8(listed.stdout)?;
    let mut numbers = listed.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim);
    let wanted = format!("{version}.");
    Ok(numbers.find(|number| number.starts_with(&wanted)).map(str::to_owned))
}
