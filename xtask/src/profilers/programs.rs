//! The bench's programs in Rust under the profilers that take samples.

use std::{ffi::OsString, fmt::Write, path::Path};

use anyhow::{Context, Result};

use super::{
    runs::{self, median},
    tool::Tool,
};
use crate::{
    bench::{
        launch::Launch,
        runners::{self, Runner},
    },
    process,
};

/// Programs over published crates: parsers and printers, text, an interpreter, geometry, trees that share nodes.
const PROGRAMS: [&str; 6] =
    ["json", "syntax", "string-maps", "interpreter", "polygons", "versions"];

/// Threads that each has.
const THREADS: usize = 2;

/// Work to do, in percent of what the bench does: so that a run takes a second.
const SCALE: usize = 200;

/// Seconds of the processors', off and on, of one program under each profiler.
pub(super) struct Row {
    program: &'static str,
    seconds: Vec<[Vec<f64>; 2]>,
}

/// Runs the programs under each profiler that takes samples, on and off, in turns. They have the C library's malloc for
/// their own, in whose place that of the profiler is preloaded.
pub(super) fn measured(tools: &[Tool], folder: &Path, rounds: usize) -> Result<Vec<Row>> {
    let runners = runners::build(vec!["system".to_owned()])?;
    let runner = runners.first().context("there is no runner")?;
    PROGRAMS
        .iter()
        .map(|program| {
            process::step_checked(&format!("{rounds} rounds of {program}"), || {
                row(program, runner, tools, folder, rounds)
            })
        })
        .collect()
}

fn row(
    program: &'static str,
    runner: &Runner,
    tools: &[Tool],
    folder: &Path,
    rounds: usize,
) -> Result<Row> {
    let command = Launch::workload(runner, program, THREADS, SCALE).command(None);
    let words: Vec<OsString> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsString::from)
        .collect();
    let mut seconds: Vec<[Vec<f64>; 2]> = tools.iter().map(|_| Default::default()).collect();
    for _ in 0..rounds {
        for (tool, [off, on]) in tools.iter().zip(&mut seconds) {
            off.push(runs::work(tool, None, &words, folder)?.0);
            let out = runs::emptied(folder)?.join("out");
            on.push(runs::work(tool, Some(&out), &words, folder)?.0);
        }
    }
    Ok(Row { program, seconds })
}

/// A table of the rows: for each profiler, the time on and its ratio to that off.
pub(super) fn table(rows: &[Row], tools: &[Tool]) -> String {
    let mut table = String::from("| processor time, s |");
    for tool in tools {
        let _ = write!(table, " {}: off | on | on / off |", tool.name);
    }
    table += "\n|---|";
    table += &"--:|".repeat(3 * tools.len());
    let mut logs = vec![0.0; tools.len()];
    for row in rows {
        let _ = write!(table, "\n| {} |", row.program);
        for ([off, on], log) in row.seconds.iter().zip(&mut logs) {
            let [off, on] = [off, on].map(|runs| median(runs.iter().copied()));
            *log += (on / off).ln();
            let _ = write!(table, " {off:.2} | {on:.2} | {:.3} |", on / off);
        }
    }
    table += "\n| geometric mean |";
    for log in logs {
        let _ = write!(table, " | | {:.3} |", (log / rows.len() as f64).exp());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_medians_and_their_ratio() {
        let row = |program, on: f64| Row {
            program,
            seconds: vec![[vec![1.0, 2.0, 9.0], vec![on, on, 1.0]]],
        };
        let text = table(&[row("a", 2.0), row("b", 8.0)], &[Tool::named("ours")]);
        assert!(
            text.contains("\n| a | 2.00 | 2.00 | 1.000 |\n| b | 2.00 | 8.00 | 4.000 |"),
            "{text}"
        );
        assert!(text.ends_with("\n| geometric mean | | | 2.000 |"), "{text}");
    }
}
