//! Instructions an operation, by callgrind: they repeat exactly where time does not.

use std::process::Command;

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use stratalloc_samples::Run;

use super::{
    record::{Failure, Instructions, Line, Writer},
    rows::Row,
    runners::Runner,
    schedule,
};
use crate::process;

/// Counts every row on every runner.
pub(crate) fn measure(runners: &[Runner], rows: &[Row], writer: &mut Writer) -> Result<()> {
    process::need("valgrind", "valgrind")?;
    schedule::catch_interrupts()?;
    let bar = ProgressBar::new((runners.len() * rows.len()) as u64);
    for row in rows {
        for runner in runners {
            if schedule::interrupted() {
                return Ok(());
            }
            let line = match per_op(runner, &row.entry.workload) {
                Ok(per_op) => Line::Instructions(Instructions {
                    workload: row.entry.workload.clone(),
                    allocator: runner.name.clone(),
                    per_op,
                }),
                Err(error) => Line::Failure(Failure {
                    workload: row.entry.workload.clone(),
                    threads: row.threads,
                    allocator: runner.name.clone(),
                    reason: format!("under callgrind: {error:#}"),
                }),
            };
            writer.write(&line)?;
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// The difference of two runs, one with three times the work: what starts and ends a process cancels out.
fn per_op(runner: &Runner, workload: &str) -> Result<f64> {
    let (instructions, ops) = count(runner, workload, "1")?;
    let (more_instructions, more_ops) = count(runner, workload, "3")?;
    anyhow::ensure!(more_ops > ops, "the workload does not scale");
    Ok((more_instructions - instructions) / (more_ops - ops))
}

fn count(runner: &Runner, workload: &str, scale: &str) -> Result<(f64, f64)> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    let run = runner.command(&["run", workload, "--scale", scale]);
    valgrind.arg(run.get_program()).args(run.get_args());
    let output = process::output(&mut valgrind)?;
    anyhow::ensure!(output.status.success(), "{}", output.status);
    let run: Run = serde_json::from_slice(&output.stdout)?;
    let log = String::from_utf8_lossy(&output.stderr);
    Ok((collected(&log).context("callgrind printed no total")?, run.ops as f64))
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
