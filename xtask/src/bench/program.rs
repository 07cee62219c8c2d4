//! Programs that know nothing of allocators, each under every shared library: those of `benches/scripts`, and any of
//! the user's.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};
use stratalloc_samples::Entry;

use super::{launch::Launch, row::Row, runners::Runner, shared::Library};
use crate::{process, script::Script};

/// The level of these rows in tables.
pub(crate) const LEVEL: &str = "preload";

/// The rows of `benches/scripts` that `wanted` says, prepared to be run.
pub(crate) fn scripts(
    launcher: &Runner,
    libraries: &[Library],
    scale: usize,
    wanted: impl Fn(&Entry) -> bool,
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for script in Script::of(&folder())? {
        let entry = script_entry(&script);
        if !wanted(&entry) || libraries.is_empty() {
            continue;
        }
        if let Err(error) = ready(&script) {
            eprintln!("without the row {}: {error:#}", script.name);
            continue;
        }
        let place = prepare(&script, scale)?;
        let launch = |library| script_launch(launcher, library, &script, &place, scale);
        let launches = libraries.iter().map(launch).collect();
        rows.push(Row { threads: entry.threads[0], entry, launches });
    }
    Ok(rows)
}

/// A row of the user's program, run once by each library a round.
pub(crate) fn row(launcher: &Runner, libraries: &[Library], program: &[OsString]) -> Row {
    let name = Path::new(&program[0]).file_name().unwrap_or(&program[0]).to_string_lossy();
    let words: Vec<_> = program.iter().map(|word| word.to_string_lossy()).collect();
    let launch = |library: &Library| {
        let preload =
            library.file.as_ref().map(|file| format!("--preload={}", file.to_string_lossy()));
        let options: Vec<&str> = preload.iter().map(String::as_str).collect();
        Launch::program(launcher, (library.name, &name, 1), &options, program)
    };
    Row {
        entry: entry(&name, &words.join(" "), 1),
        threads: 1,
        launches: libraries.iter().map(launch).collect(),
    }
}

fn folder() -> PathBuf {
    process::root().join("benches/scripts")
}

fn entry(name: &str, about: &str, threads: usize) -> Entry {
    Entry {
        workload: name.to_owned(),
        level: LEVEL.to_owned(),
        size: "quick".to_owned(),
        threads: vec![threads],
        about: about.to_owned(),
    }
}

fn script_entry(script: &Script) -> Entry {
    let threads = script.field("threads: ").parse().unwrap_or(1);
    let (_, about) = script.about.split_once(": ").unwrap_or(("", &script.about));
    entry(&script.name, about, threads)
}

/// Makes sure that a script's programs are here. A server is used where it is installed, but not installed for this.
fn ready(script: &Script) -> Result<()> {
    match script.missing() {
        Some(advice) if script.is_used("installed") => bail!("{advice}"),
        _ => script.prepare(),
    }
}

/// A folder for the script, with what its runs read; they leave it as it is.
fn prepare(script: &Script, scale: usize) -> Result<PathBuf> {
    let place = process::target_dir().join("bench/scripts").join(&script.name);
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    fs::create_dir_all(&place)?;
    if script.text.contains("= prepare") {
        let mut command = Command::new("bash");
        command.args(words(script)).arg("prepare").current_dir(&place);
        command.env("SCALE", scale.to_string()).env("HERE", folder());
        process::step(&format!("prepare {}", script.name), &mut command)?;
    }
    Ok(place)
}

fn words(script: &Script) -> [OsString; 3] {
    ["-euo".into(), "pipefail".into(), script.file.clone().into()]
}

/// A script names its library by a variable, so that it is in the programs measured and in no others.
fn script_launch(
    launcher: &Runner,
    library: &Library,
    script: &Script,
    place: &Path,
    scale: usize,
) -> Launch {
    let program: Vec<OsString> = std::iter::once("bash".into()).chain(words(script)).collect();
    let threads = script_entry(script).threads[0];
    let named = (library.name, script.name.as_str(), threads);
    let file = library.file.clone().unwrap_or_default();
    Launch::program(launcher, named, &["--checked"], &program)
        .with("LIBRARY", file)
        .with("SCALE", scale.to_string())
        .with("HERE", folder())
        .with("LC_ALL", "C")
        .within(place.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Script, folder, script_entry};

    #[test]
    fn every_script_preloads_and_says_what_it_is() -> anyhow::Result<()> {
        for script in Script::of(&folder())? {
            assert!(script.text.contains("LD_PRELOAD=") && script.text.contains("$LIBRARY"));
            assert!(script.text.contains("SCALE"), "{} always does the same", script.name);
            assert!(!script_entry(&script).about.is_empty());
        }
        Ok(())
    }
}
