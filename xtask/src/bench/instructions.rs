//! Instructions an operation, by callgrind: they repeat exactly where time does not.

use std::{ffi::OsString, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use stratalloc_samples::{Entry, Run};

use super::{
    options::Options,
    record::{Failure, Instructions, Line, Writer},
    runners::Runner,
    schedule,
    shared::Library,
};
use crate::process;

/// The level of the workloads that call `malloc` and `free` by name.
const BAR: &str = "bar";

/// A workload to count, and whom on.
pub(crate) struct Counted {
    pub(crate) entry: Entry,
    allocator: String,
    binary: PathBuf,
    preload: Option<PathBuf>,
}

/// Everything that `options` ask for: the bars under every library, by `launcher`, which links the system's `malloc`;
/// and linked workloads of one thread on every runner.
pub(crate) fn rows(
    options: &Options,
    launcher: &Runner,
    libraries: &[Library],
    runners: &[Runner],
) -> Result<Vec<Counted>> {
    let listed = process::output(&mut launcher.command(&["list"]))?;
    let mut rows = Vec::new();
    for line in String::from_utf8(listed.stdout)?.lines() {
        let entry: Entry = serde_json::from_str(line)?;
        let counted = |allocator: &str, binary: &PathBuf, preload| Counted {
            entry: entry.clone(),
            allocator: allocator.to_owned(),
            binary: binary.clone(),
            preload,
        };
        if entry.level == BAR {
            if options.matches(&entry) {
                let bar = |library: &Library| {
                    counted(library.name, &launcher.binary, library.file.clone())
                };
                rows.extend(libraries.iter().map(bar));
            }
        } else if !options.threads_of(&entry).is_empty() {
            rows.extend(runners.iter().map(|runner| counted(&runner.name, &runner.binary, None)));
        }
    }
    ensure!(!rows.is_empty(), "no workload of one thread is called so");
    Ok(rows)
}

/// Counts every row.
pub(crate) fn measure(rows: &[Counted], writer: &mut Writer) -> Result<()> {
    process::need("valgrind", "valgrind")?;
    schedule::catch_interrupts()?;
    let bar = ProgressBar::new(rows.len() as u64).with_style(schedule::style());
    for row in rows {
        if schedule::interrupted() {
            break;
        }
        bar.set_message(format!("{} on {}", row.entry.workload, row.allocator));
        writer.write(&row.count())?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

impl Counted {
    /// What is counted here.
    pub(crate) fn allocator(&self) -> &str {
        &self.allocator
    }

    fn count(&self) -> Line {
        let (workload, allocator) = (self.entry.workload.clone(), self.allocator.clone());
        match self.per_op() {
            Ok(per_op) => Line::Instructions(Instructions { workload, allocator, per_op }),
            Err(error) => {
                let reason = format!("under callgrind: {error:#}");
                Line::Failure(Failure { workload, threads: 1, allocator, reason })
            }
        }
    }

    /// The difference of two runs, one with three times the work: what starts and ends a process cancels out.
    fn per_op(&self) -> Result<f64> {
        let (instructions, ops) = self.instructions("1")?;
        let (more_instructions, more_ops) = self.instructions("3")?;
        ensure!(more_ops > ops, "the workload does not scale");
        Ok((more_instructions - instructions) / (more_ops - ops))
    }

    fn instructions(&self, scale: &str) -> Result<(f64, f64)> {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(&self.binary);
        valgrind.args(["run", &self.entry.workload, "--scale", scale]);
        valgrind.envs(self.preload.as_ref().map(|file| ("LD_PRELOAD", OsString::from(file))));
        let output = process::output(&mut valgrind)?;
        ensure!(output.status.success(), "{}", output.status);
        let run: Run = serde_json::from_slice(&output.stdout)?;
        let log = String::from_utf8_lossy(&output.stderr);
        Ok((collected(&log).context("callgrind printed no total")?, run.ops as f64))
    }
}

/// The total in callgrind's log.
fn collected(log: &str) -> Option<f64> {
    let line = log.lines().find(|line| line.contains("Collected"))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_total_is_read_from_the_log() {
        let log = "==7== Events    : Ir\n==7== Collected : 123456\n";
        assert_eq!(super::collected(log), Some(123_456.0));
        assert_eq!(super::collected(""), None);
    }
}
