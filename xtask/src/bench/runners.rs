//! The runners: found as files, built by cargo, one binary for each allocator.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};

use super::{packages, shared};
use crate::process;

/// A binary that runs workloads on one allocator.
#[derive(Clone, Debug)]
pub(crate) struct Runner {
    /// The allocator's name.
    pub(crate) name: String,
    pub(crate) binary: PathBuf,
}

/// Runners that are only compared when asked for: single heaps behind a lock, no fair sight next to allocators for threads,
/// and our builds that check more.
const ONLY_IF_ASKED: [&str; 6] = [
    "dlmalloc",
    "rlsf",
    "stratalloc-checked",
    "stratalloc-hardened",
    "stratalloc-paranoid",
    "talc",
];

/// Runners that link none of the peers, and needn't wait until these are built.
const WITHOUT_PEERS: [&str; 3] = ["stratalloc", "system", "system-again"];

impl Runner {
    /// A command of this runner.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(args);
        command
    }
}

/// The names of the runners among those asked for, or of the usual ones.
pub(crate) fn names(asked: &[String]) -> Result<Vec<String>> {
    chosen(asked, &known()?)
}

/// Builds the runners called `names`.
pub(crate) fn build(names: Vec<String>) -> Result<Vec<Runner>> {
    packages::need_compilers()?;
    let own = packages::features()?;
    let (alone, together): (Vec<_>, Vec<_>) = names.iter().partition(|name| own.contains(*name));
    let (light, together): (Vec<_>, Vec<_>) =
        together.into_iter().partition(|name| WITHOUT_PEERS.contains(&name.as_str()));
    compile(None, &light)?;
    compile(Some("peers"), &together)?;
    // A feature of the runner's own name changes a crate that others link too, so it is another build.
    alone.iter().try_for_each(|name| compile(Some(name), &[name]))?;
    let folder = process::target_dir().join("compare");
    Ok(names.into_iter().map(|name| Runner { binary: folder.join(&name), name }).collect())
}

fn compile(feature: Option<&str>, names: &[&String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let mut cargo =
        process::cargo(&["build", "--profile", "compare", "--package", "stratalloc-runners"]);
    cargo.args(feature.iter().flat_map(|feature| ["--features", feature]));
    for name in names {
        cargo.args(["--bin", name]);
    }
    let with = feature.map_or_else(String::new, |feature| format!(" with `{feature}`"));
    process::step(&format!("build {} runners{with}", names.len()), &mut cargo)?;
    Ok(())
}

/// Every runner there is: one file each.
fn known() -> Result<Vec<String>> {
    let folder = process::root().join("benches/runners/src/bin");
    let mut names = Vec::new();
    for file in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        names.extend(file?.path().file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

fn chosen(asked: &[String], known: &[String]) -> Result<Vec<String>> {
    if asked.iter().any(|name| name == "all") {
        return Ok(known.to_vec());
    }
    if asked.is_empty() {
        let usual = known.iter().filter(|name| !ONLY_IF_ASKED.contains(&name.as_str()));
        return Ok(usual.cloned().collect());
    }
    let (linked, other): (Vec<_>, Vec<_>) =
        asked.iter().cloned().partition(|name| known.contains(name));
    for name in other {
        let all = known.join(", ");
        ensure!(shared::has(&name), "no allocator is called {name}; runners are {all}");
    }
    Ok(linked)
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn runners_are_chosen_by_name() {
        let known = ["rlsf", "system"].map(str::to_owned);
        let asked = |name: &str| chosen(&[name.to_owned()], &known);
        assert_eq!(chosen(&[], &known).unwrap(), ["system"]);
        assert_eq!(asked("all").unwrap(), known);
        assert_eq!(asked("rlsf").unwrap(), ["rlsf"]);
        assert_eq!(asked("tcmalloc").unwrap(), [""; 0], "it is only a shared library");
        assert!(asked("nonesuch").is_err());
    }
}
