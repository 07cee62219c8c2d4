//! `cargo xtask semver`: whether the crates changed in ways that their versions don't say.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use cargo_metadata::Package;

use crate::process;

/// Compares what the published crates offer with an earlier revision of this repository.
#[derive(clap::Args)]
pub(crate) struct Semver {
    /// The earlier revision; without it, the last tag.
    #[arg(long, value_name = "REV")]
    baseline: Option<String>,
    /// Only these crates, as `stratalloc-heap`.
    #[arg(value_name = "CRATE")]
    crates: Vec<String>,
}

const TOOL: &str = "cargo-semver-checks";

impl Semver {
    pub(crate) fn run(self) -> Result<()> {
        let tags = process::said(&mut git(&["tag", "--merged", "HEAD", "--sort=-creatordate"]))?;
        let baseline = baseline(self.baseline.as_deref(), &tags)?;
        ensure!(has(baseline, ""), "no revision is called {baseline}");
        ensure!(
            process::find(TOOL).is_some(),
            "`{TOOL}` is missing: cargo install {TOOL} --locked"
        );
        let metadata = cargo_metadata::MetadataCommand::new().no_deps().exec()?;
        let mut packages = metadata.workspace_packages();
        packages.retain(|package| package.publish.as_ref().is_none_or(|to| !to.is_empty()));
        for name in &self.crates {
            let is_one = packages.iter().any(|package| *package.name == *name);
            ensure!(is_one, "no published crate is called {name}");
        }
        packages.retain(|one| self.crates.is_empty() || self.crates.contains(&one.name));
        let failed: Vec<_> =
            packages.iter().filter_map(|package| check(package, baseline).err()).collect();
        let shown: Vec<_> = failed.iter().map(|error| format!("{error:#}")).collect();
        ensure!(failed.is_empty(), "{}", shown.join("\n"));
        Ok(())
    }
}

/// Compares one crate, unless it is newer than the baseline.
fn check(package: &Package, baseline: &str) -> Result<()> {
    let manifest = package.manifest_path.strip_prefix(process::root())?;
    if !has(baseline, &format!(":{manifest}")) {
        eprintln!("     {} is newer than {baseline}", package.name);
        return Ok(());
    }
    let mut check = process::cargo(&["semver-checks", "--package", &package.name]);
    check.args(["--baseline-rev", baseline]);
    process::step(&format!("{} since {baseline}", package.name), &mut check)?;
    Ok(())
}

/// The revision to compare with: the one that was asked for, else the newest tag of a list.
fn baseline<'a>(asked: Option<&'a str>, tags: &'a str) -> Result<&'a str> {
    asked
        .or_else(|| tags.lines().next())
        .context("the repository has no tag to compare with: name a revision with --baseline")
}

/// Whether a revision, or the file behind a colon in it, is there.
fn has(revision: &str, file: &str) -> bool {
    let object = format!("{revision}{file}");
    process::said(&mut git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &object]))
        .is_ok()
}

fn git(arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(process::root()).args(arguments);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_tag_is_compared_with_unless_a_revision_is_named() {
        assert_eq!(baseline(None, "v0.2.0\nv0.1.0").unwrap(), "v0.2.0");
        assert_eq!(baseline(Some("main"), "v0.2.0").unwrap(), "main");
        assert!(baseline(None, "").unwrap_err().to_string().contains("--baseline"));
    }
}
