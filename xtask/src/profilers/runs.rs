//! Runs of the program under each profiler, and without.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::{
    found::{self, Held},
    tool::Tool,
};
use crate::{measure::Cost, process};

/// Rounds in which a profiler runs that notes every call: it takes minutes.
const EXACT_ROUNDS: usize = 3;

/// Requests of the two runs whose instructions are counted: their difference is taken.
const COUNTED: [u64; 2] = [2_000, 7_000];

/// What one run came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Seconds of the processors', of all its processes.
    pub(super) work: f64,
    /// The most resident memory of the program itself, in bytes.
    pub(super) peak: f64,
    /// What its two functions held in truth.
    pub(super) truth: Held,
}

/// The runs under one profiler, off and on.
#[derive(Default)]
pub(super) struct Runs {
    pub(super) off: Vec<Run>,
    pub(super) on: Vec<Run>,
    /// What was found in each run.
    pub(super) found: Vec<Held>,
    /// Bytes that the last run wrote.
    pub(super) output: u64,
}

/// What a profiler did.
pub(super) struct Outcome {
    pub(super) tool: Tool,
    pub(super) runs: Runs,
    pub(super) counts: Option<Counts>,
}

/// Instructions for a request, off and on.
pub(super) struct Counts {
    pub(super) off: f64,
    pub(super) on: f64,
}

/// Runs the program under each profiler, on and off, in turns.
pub(super) fn interleaved(
    tools: &[Tool],
    program: &Path,
    folder: &Path,
    requests: u64,
    rounds: usize,
) -> Result<Vec<Runs>> {
    let mut all: Vec<Runs> = tools.iter().map(|_| Runs::default()).collect();
    for round in 0..rounds {
        process::step_checked(&format!("round {} of {rounds}", round + 1), || {
            for (tool, runs) in tools.iter().zip(&mut all) {
                if !tool.is_exact || round < EXACT_ROUNDS {
                    add_round(runs, tool, program, folder, requests)?;
                }
            }
            Ok(())
        })?;
    }
    Ok(all)
}

fn add_round(
    runs: &mut Runs,
    tool: &Tool,
    program: &Path,
    folder: &Path,
    requests: u64,
) -> Result<()> {
    runs.off.push(run(tool, None, program, folder, requests)?);
    let out = emptied(folder)?.join("out");
    runs.on.push(run(tool, Some(&out), program, folder, requests)?);
    let outputs = found::outputs(&out)?;
    ensure!(outputs.len() == 1, "{}: it wrote {} files, not one", tool.name, outputs.len());
    runs.output = fs::metadata(&outputs[0])?.len();
    runs.found.push(found::read(tool.format, &outputs[0], program)?);
    Ok(())
}

/// An empty folder for what a profiler writes.
pub(super) fn emptied(folder: &Path) -> Result<PathBuf> {
    let folder = folder.join("outputs");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir(&folder)?;
    Ok(folder)
}

fn run(
    tool: &Tool,
    out: Option<&Path>,
    program: &Path,
    folder: &Path,
    requests: u64,
) -> Result<Run> {
    let (work, said) = work(tool, out, &[program.into(), requests.to_string().into()], folder)?;
    let figures = figures(&said).with_context(|| format!("{}: it said {said}", tool.name))?;
    let [audit, cache, kib] = figures;
    Ok(Run { work, peak: kib * 1024.0, truth: [audit, cache] })
}

/// Runs a program; the seconds that the processors worked for it, and what it said.
pub(super) fn work(
    tool: &Tool,
    out: Option<&Path>,
    program: &[OsString],
    folder: &Path,
) -> Result<(f64, String)> {
    let file = folder.join("cost");
    let said = process::said(&mut Cost::measuring(&file, &tool.words(out, program)))?;
    Ok((Cost::read(&file)?.work.as_secs_f64(), said))
}

/// The middle one of several figures.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The program's line, among what a profiler says.
fn figures(said: &str) -> Option<[f64; 3]> {
    said.lines().find_map(|line| {
        let numbers = line.split(' ').map(|word| word.parse().ok());
        numbers.collect::<Option<Vec<f64>>>()?.try_into().ok()
    })
}

/// Counts the instructions for a request, if valgrind can.
pub(super) fn counted(tool: &Tool, program: &Path, folder: &Path) -> Result<Option<Counts>> {
    if !tool.is_countable() {
        return Ok(None);
    }
    process::need("valgrind", "valgrind")?;
    let out = folder.join("outputs/counted");
    process::step_checked(&format!("instructions of {}", tool.name), || {
        let off = instructions(tool, None, program)?;
        let on = instructions(tool, Some(&out), program)?;
        Ok(Some(Counts { off, on }))
    })
}

fn instructions(tool: &Tool, out: Option<&Path>, program: &Path) -> Result<f64> {
    let mut counts = [0.0; 2];
    for (count, requests) in counts.iter_mut().zip(COUNTED) {
        let valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];
        let mut program_words: Vec<OsString> = valgrind.map(OsString::from).into();
        program_words.extend([program.into(), OsString::from(requests.to_string())]);
        let words = tool.words(out, &program_words);
        let output = process::output(Command::new(&words[0]).args(&words[1..]))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let collected = said.lines().find_map(|line| line.split("Collected : ").nth(1));
        *count = collected.with_context(|| said.clone())?.trim().parse()?;
    }
    Ok((counts[1] - counts[0]) / (COUNTED[1] - COUNTED[0]) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_line_is_found_among_others() {
        let said = "starting application, this might take some time...\n\
            50865376 32668645 90600\nallocations: 24997551\n";
        assert_eq!(figures(said), Some([50_865_376.0, 32_668_645.0, 90_600.0]));
        assert_eq!(figures("1 2\n"), None);
    }
}
