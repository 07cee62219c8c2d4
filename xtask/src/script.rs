//! The programs of `xtask/accept`: scripts that run the same with the library as without.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{
    files,
    measure::Cost,
    process::{self, need, root, target_dir},
};

/// A script for bash. The comment at its top says what it does (first line), what it needs
/// (`needs: PROGRAM=PACKAGE …`, a path for what isn't on `PATH`), and how it is used (`used: demo`, `used: asked`,
/// `used: installed` if its programs are not to be installed for it).
pub(crate) struct Script {
    pub(crate) file: PathBuf,
    /// All of it.
    pub(crate) text: String,
    /// Its file's name, without the extension.
    pub(crate) name: String,
    /// What it does, in a few words.
    pub(crate) about: String,
    needs: Vec<(String, String)>,
    used: String,
}

/// The longest that a script may take in seconds: a hang is a failure, not a wait.
const PATIENCE: &str = "1800";

/// What a run of a script gave.
pub(crate) struct Ran {
    /// What it printed.
    pub(crate) output: String,
    /// What it cost.
    pub(crate) cost: Cost,
}

impl Script {
    /// All scripts of `xtask/accept`, by name.
    pub(crate) fn all() -> Result<Vec<Self>> {
        Self::of(&root().join("xtask/accept"))
    }

    /// All scripts of a folder, by name.
    pub(crate) fn of(folder: &Path) -> Result<Vec<Self>> {
        files::files(folder, "sh")?.iter().map(|file| Self::read(file)).collect()
    }

    fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file)?;
        let about = head(&text).next().context("a script begins with a comment")?.to_owned();
        let field = |name: &str| head(&text).find_map(|line| line.strip_prefix(name)).unwrap_or("");
        let pair = |need: &str| {
            let (program, package) = need.split_once('=').context("needs: PROGRAM=PACKAGE")?;
            Ok((program.to_owned(), package.to_owned()))
        };
        Ok(Self {
            file: file.to_owned(),
            name: file.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            about,
            needs: field("needs: ").split_whitespace().map(pair).collect::<Result<_>>()?,
            used: field("used: ").to_owned(),
            text,
        })
    }

    /// What a line of the comment says after `name`; nothing without such a line.
    pub(crate) fn field(&self, name: &str) -> &str {
        head(&self.text).find_map(|line| line.strip_prefix(name)).unwrap_or("")
    }

    /// Returns whether the script's comment says that it is used so.
    pub(crate) fn is_used(&self, how: &str) -> bool {
        self.used.split_whitespace().any(|used| used == how)
    }

    /// What is missing on this machine of what it needs, and how to get it.
    pub(crate) fn missing(&self) -> Option<String> {
        let lost = self.needs.iter().filter(|(program, _)| process::find(program).is_none());
        let packages: Vec<_> = lost.map(|(_, package)| package.as_str()).collect();
        (!packages.is_empty()).then(|| format!("apt-get install {}", packages.join(" ")))
    }

    /// The Debian packages that it needs.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &str> {
        self.needs.iter().map(|(_, package)| package.as_str())
    }

    /// Installs what it needs, or says in a line what is missing.
    pub(crate) fn prepare(&self) -> Result<()> {
        self.needs.iter().try_for_each(|(program, package)| need(program, package).map(drop))
    }

    /// Runs it in an empty folder, the same one each time, with the library preloaded if there is
    /// one.
    pub(crate) fn run(&self, library: Option<&Path>) -> Result<Ran> {
        let folder = target_dir().join("accept").join(&self.name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let cost = folder.with_extension("cost");

        let mut command = Cost::measuring(&cost, &self.words(library));
        command.current_dir(&folder).env("HERE", root().join("xtask/accept"));
        command.env("LC_ALL", "C").env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS");
        let output = process::output(&mut command)?;
        if !output.status.success() {
            let shown = [output.stdout, output.stderr].concat();
            let under = if library.is_some() { " under the library" } else { "" };
            bail!("{}\n{}{under}: failed", String::from_utf8_lossy(&shown), self.name);
        }
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(Ran { output, cost: Cost::read(&cost)? })
    }

    /// The command line. The library is named by `env`, so that it is in the script's processes
    /// and in none of ours.
    fn words(&self, library: Option<&Path>) -> Vec<OsString> {
        let mut words = ["timeout", PATIENCE, "env"].map(OsString::from).to_vec();
        if let Some(library) = library {
            let mut preload = OsString::from("LD_PRELOAD=");
            preload.push(library);
            words.push(preload);
        }
        words.extend(["bash", "-euo", "pipefail"].map(OsString::from));
        words.push(self.file.clone().into());
        words
    }
}

/// The lines of a script's first comment.
fn head(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map_while(|line| line.strip_prefix("# "))
}

/// The first line in which two outputs differ, both as a message; none if they are the same.
pub(crate) fn difference(without: &str, with: &str) -> Option<String> {
    if without == with {
        return None;
    }
    let (mut a, mut b) = (without.lines(), with.lines());
    for number in 1.. {
        let (a, b) = (a.next(), b.next());
        if a != b || a.is_none() {
            let [a, b] = [a, b].map(|line| line.unwrap_or("(the end)"));
            return Some(format!("line {number} without the library: {a}\nand with it: {b}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_found() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        let found = difference("a\nb\nc\n", "a\nx\nc\n").expect("they differ");
        assert_eq!(found, "line 2 without the library: b\nand with it: x");
        assert!(difference("a\n", "a\nb\n").expect("they differ").contains("(the end)"));
        assert!(difference("a\n", "a").is_some());
    }

    #[test]
    fn every_script_says_what_it_is() -> Result<()> {
        let scripts = Script::all()?;
        assert!(scripts.iter().any(|script| script.is_used("demo")));
        assert!(scripts.iter().all(|script| !script.about.is_empty()));
        Ok(())
    }
}
