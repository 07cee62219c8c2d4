//! Which rows are run, and running them in turn.

use std::{
    io::Read,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use stratalloc_samples::{Entry, Run};

use super::{
    Options, machine,
    record::{Failure, Line, Writer},
    runners::Runner,
};
use crate::process;

/// A workload on a number of threads.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) entry: Entry,
    pub(crate) threads: usize,
}

/// When a quick comparison stops; what is left of its three minutes is for single operations.
const QUICK: Duration = Duration::from_secs(140);

/// How long one run may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Set by an interrupt: the current run is the last.
static STOP: AtomicBool = AtomicBool::new(false);

/// The rows that `options` ask for.
pub(crate) fn rows(runner: &Runner, options: &Options) -> Result<Vec<Row>> {
    let listed = process::output(&mut runner.command(&["list"]))?;
    let mut rows = Vec::new();
    for line in String::from_utf8(listed.stdout)?.lines() {
        let entry: Entry = serde_json::from_str(line)?;
        let threads = options.threads_of(&entry);
        rows.extend(threads.into_iter().map(|threads| Row { entry: entry.clone(), threads }));
    }
    if rows.is_empty() {
        bail!("no workload fits; `{} list` prints them all", runner.name);
    }
    Ok(rows)
}

impl Options {
    /// The numbers of threads to run a workload with; none when it is left out.
    fn threads_of(&self, entry: &Entry) -> Vec<usize> {
        let named = self.filter.contains(&entry.workload);
        let fits = |filter: &String| {
            entry.level == *filter
                || entry.workload.contains(filter)
                || entry.about.contains(filter)
        };
        let size = match entry.size.as_str() {
            "quick" => true,
            "long" => named || !(self.quick || self.instructions),
            _ => named,
        };
        if !size || !(self.filter.is_empty() || self.filter.iter().any(fits)) {
            return Vec::new();
        }
        if !self.threads.is_empty() {
            return self.threads.clone();
        }
        let mut threads = entry.threads.clone();
        if self.instructions {
            threads.retain(|&threads| threads == 1);
        } else if self.quick {
            // Two threads where a workload can: that is where allocators differ most.
            let two = threads.iter().position(|&threads| threads == 2).unwrap_or(0);
            threads = vec![threads[two]];
        }
        threads
    }
}

/// Runs every row on every runner in turn, round after round, until the rounds or the time are over.
pub(crate) fn measure(
    runners: &[Runner],
    rows: &[Row],
    options: &Options,
    writer: &mut Writer,
) -> Result<()> {
    ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed))?;
    let load = machine::load();
    if load > 0.5 {
        eprintln!("warning: the machine is busy (load {load:.1}): expect noise");
    }
    let rounds = options.rounds.unwrap_or(5);
    let total = rounds * rows.len() * runners.len();
    // A run at standard scale takes a quarter of a second, give or take.
    let guess = Duration::from_millis((total * options.scale() * 5 / 2) as u64);
    let guess = if options.quick { guess.min(QUICK) } else { guess };
    eprintln!(
        "{total} runs, about {} s; an interrupt keeps what was measured",
        guess.as_secs().max(1)
    );
    let bar = ProgressBar::new(total as u64).with_style(style());
    let start = Instant::now();
    for round in 0..rounds {
        for row in rows {
            for turn in 0..runners.len() {
                let late = options.quick && round > 0 && start.elapsed() > QUICK;
                if late || STOP.load(Ordering::Relaxed) {
                    bar.abandon_with_message("cut short");
                    return Ok(());
                }
                // Each round begins with another runner, so that none always follows the same one.
                let runner = &runners[(round + turn) % runners.len()];
                bar.set_message(format!("{} on {}", row.entry.workload, runner.name));
                writer.write(&run(runner, row, options)?)?;
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} left: {msg}")
        .expect("a fixed template")
}

/// One run in a process of its own.
fn run(runner: &Runner, row: &Row, options: &Options) -> Result<Line> {
    let (threads, scale) = (row.threads.to_string(), options.scale().to_string());
    let mut command =
        runner.command(&["run", &row.entry.workload, "--threads", &threads, "--scale", &scale]);
    if options.pin {
        let cpus = row.threads.min(thread::available_parallelism()?.get());
        command
            .args(["--cpus", &(0..cpus).map(|cpu| cpu.to_string()).collect::<Vec<_>>().join(",")]);
    }
    let failure = |reason| {
        Line::Failure(Failure {
            workload: row.entry.workload.clone(),
            threads: row.threads,
            allocator: runner.name.clone(),
            reason,
        })
    };
    match within(&mut command, PATIENCE)? {
        Ok(output) => {
            let run: Run = serde_json::from_str(&output).context(output)?;
            Ok(Line::Run(run))
        }
        Err(reason) => Ok(failure(reason)),
    }
}

/// What a command prints, or why it did not end well within `patience`.
fn within(command: &mut Command, patience: Duration) -> Result<Result<String, String>> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut stdout = child.stdout.take().context("it was asked for")?;
    // The one line of output fits a pipe, so the child never waits for us, and its end shows as end of file.
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.read_to_string(&mut text);
        // Nobody waits any more when the run was given up.
        let _ = sender.send(read.map(|_| text));
    });
    let Ok(output) = receiver.recv_timeout(patience) else {
        child.kill()?;
        child.wait()?;
        return Ok(Err(format!("took longer than {} s", patience.as_secs())));
    };
    let status = child.wait()?;
    Ok(if status.success() { Ok(output?) } else { Err(status.to_string()) })
}

#[cfg(test)]
mod tests {
    use std::{process::Command, time::Duration};

    use super::within;

    #[test]
    fn a_run_that_hangs_or_dies_is_told_from_one_that_prints() {
        let shell = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            within(&mut command, Duration::from_millis(300)).unwrap()
        };
        assert_eq!(shell("echo hello"), Ok("hello\n".to_owned()));
        assert!(shell("kill -SEGV $$").unwrap_err().contains("signal: 11"));
        assert!(shell("exec sleep 5").unwrap_err().contains("longer"));
    }
}
