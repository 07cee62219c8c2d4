//! Timing modules in node.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::process;

/// No tiers: code is compiled as well as it can be before it runs, so that no round is faster than another for that.
const NODE: [&str; 2] = ["--no-liftoff", "--no-wasm-tier-up"];

/// What a workload took with an allocator, a line of what `measure.mjs` prints.
#[derive(Debug, Deserialize, PartialEq)]
struct Line {
    workload: String,
    name: String,
    /// One a round; none if it ended in a trap.
    milliseconds: Vec<f64>,
    /// How long the memory was at the end, in pages of 64 KiB.
    pages: u64,
}

/// A workload's median time and its memory with an allocator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cell {
    pub(super) milliseconds: f64,
    pub(super) pages: u64,
}

/// What all workloads took, in their order.
#[derive(Debug, PartialEq)]
pub(super) struct Times(Vec<Line>);

impl Times {
    /// Runs every workload of the modules as often.
    pub(super) fn measure(node: &Path, rounds: u32, modules: &[(&str, PathBuf)]) -> Result<Self> {
        let mut command = Command::new(node);
        command.args(NODE).arg(process::root().join("benches/wasm/measure.mjs"));
        command.arg(rounds.to_string());
        command.args(modules.iter().map(|(name, path)| format!("{name}={}", path.display())));
        let name = format!("{rounds} rounds of every workload with {} allocators", modules.len());
        let output = process::step(&name, &mut command)?;
        Self::parse(&String::from_utf8(output.stdout)?)
    }

    fn parse(text: &str) -> Result<Self> {
        let parse =
            |line| serde_json::from_str(line).with_context(|| format!("not a time: {line}"));
        let lines = text.lines().map(parse).collect::<Result<Vec<_>>>()?;
        ensure!(!lines.is_empty(), "no workload ran");
        Ok(Self(lines))
    }

    /// Returns the names of the workloads, in their order.
    pub(super) fn workloads(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.0.iter().map(|line| line.workload.as_str()).collect();
        names.dedup();
        names
    }

    /// Returns what a workload took with an allocator; nothing if it ended in a trap.
    pub(super) fn cell(&self, workload: &str, name: &str) -> Option<Cell> {
        let line = self.0.iter().find(|line| line.workload == workload && line.name == name)?;
        let mut sorted = line.milliseconds.clone();
        sorted.sort_by(f64::total_cmp);
        let milliseconds = *sorted.get(sorted.len() / 2)?;
        Some(Cell { milliseconds, pages: line.pages })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Two workloads; the second ends in a trap with the second allocator.
    pub(crate) fn example() -> Times {
        let text = r#"{"workload":"pairs","name":"ours","milliseconds":[3,1,2],"pages":18}
{"workload":"pairs","name":"theirs","milliseconds":[4.5,4,9],"pages":20}
{"workload":"trees","name":"ours","milliseconds":[10],"pages":30}
{"workload":"trees","name":"theirs","milliseconds":[],"pages":0}
"#;
        Times::parse(text).unwrap()
    }

    #[test]
    fn a_cell_is_the_median_and_nothing_after_a_trap() {
        let times = example();
        assert_eq!(times.workloads(), ["pairs", "trees"]);
        assert_eq!(times.cell("pairs", "theirs"), Some(Cell { milliseconds: 4.5, pages: 20 }));
        assert_eq!(times.cell("pairs", "ours"), Some(Cell { milliseconds: 2.0, pages: 18 }));
        assert_eq!(times.cell("trees", "theirs"), None);
        assert_eq!(times.cell("trees", "nobody"), None);
    }

    #[test]
    fn other_lines_are_no_times() {
        assert!(Times::parse("").is_err());
        assert!(Times::parse("warning: slow\n").is_err());
    }
}
