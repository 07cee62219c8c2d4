//! The tables of all targets: one on the page about platforms, and a shorter one in the README.

use std::fs;

use anyhow::Result;

use super::{runs::Run, target::Target};
use crate::{marks, process};

const PAGE: &str = "docs/PLATFORMS.md";
const README: &str = "README.md";

/// What the marks around both tables call them.
const NAME: &str = "targets";

const HEAD: &str = "| target | kind | builds | tests that passed | by | uses | limits |\n\
    |---|---|---|---|---|---|---|\n";
const SHORT_HEAD: &str =
    "| target | kind | builds | tests run by | limits |\n|---|---|---|---|---|\n";

/// Writes the tables into their pages.
pub(super) fn write(targets: &[Target], runs: &[Run]) -> Result<()> {
    for (page, table) in [(PAGE, long(targets, runs)), (README, short(targets, runs))] {
        let path = process::root().join(page);
        let text = marks::insert(&fs::read_to_string(&path)?, NAME, &table)?;
        fs::write(path, text)?;
    }
    Ok(())
}

/// A line for each machine that a target's programs run on, or one for a target that is only compiled for.
fn long(targets: &[Target], runs: &[Run]) -> String {
    let lines = targets.iter().flat_map(|target| {
        let left = |builds| format!("| `{}` | `{}` | {builds} |", target.name, target.kind);
        let right = format!("{} | {} |\n", target.system.uses(), target.limits);
        let ran = played(target, runs).into_iter();
        let mut lines: Vec<_> = ran
            .map(|(by, tests)| format!("{} {tests} | {by} | {right}", left("programs")))
            .collect();
        if lines.is_empty() {
            lines.push(format!("{} – | – | {right}", left("types")));
        }
        lines
    });
    HEAD.to_owned() + &lines.collect::<String>()
}

/// A line for each target.
fn short(targets: &[Target], runs: &[Run]) -> String {
    let lines = targets.iter().map(|target| {
        let by: Vec<_> = played(target, runs).into_iter().map(|(by, _)| by).collect();
        let (builds, by) =
            if by.is_empty() { ("types", "–".to_owned()) } else { ("programs", by.join("; ")) };
        format!("| `{}` | `{}` | {builds} | {by} | {} |\n", target.name, target.kind, target.limits)
    });
    SHORT_HEAD.to_owned() + &lines.collect::<String>()
}

/// What each machine that runs the target's programs is, and the tests in them.
fn played(target: &Target, runs: &[Run]) -> Vec<(String, String)> {
    runs.iter().filter(|run| run.target == target.name).flat_map(Run::played).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            runs::{How, RUNS},
            target::{System, TARGETS},
        },
        *,
    };

    const fn target(name: &'static str) -> Target {
        Target {
            name,
            kind: "Heap",
            system: System::WebAssembly,
            quick: true,
            limits: "one thread",
        }
    }

    #[test]
    fn a_target_has_a_line_for_each_machine_and_one_in_short() {
        let targets = [target("a-b"), target("c-d")];
        let run = |by, tests| Run {
            target: "a-b",
            how: How::Alone { quick: true, by, tests, run: |_| Ok(()) },
        };
        let runs = [run("one", "x, y"), run("two", "x")];
        let uses = System::WebAssembly.uses();
        let lines = [
            format!("| `a-b` | `Heap` | programs | x, y | one | {uses} | one thread |\n"),
            format!("| `a-b` | `Heap` | programs | x | two | {uses} | one thread |\n"),
            format!("| `c-d` | `Heap` | types | – | – | {uses} | one thread |\n"),
        ];
        assert_eq!(long(&targets, &runs), HEAD.to_owned() + &lines.concat());
        let lines = "| `a-b` | `Heap` | programs | one; two | one thread |\n\
            | `c-d` | `Heap` | types | – | one thread |\n";
        assert_eq!(short(&targets, &runs), SHORT_HEAD.to_owned() + lines);
    }

    #[test]
    fn the_pages_say_what_is_checked_and_run() {
        for (page, table) in [(PAGE, long(&TARGETS, &RUNS)), (README, short(&TARGETS, &RUNS))] {
            let text = fs::read_to_string(process::root().join(page)).unwrap();
            let renewed = marks::insert(&text, NAME, &table).unwrap();
            assert!(text == renewed, "{page}: `cargo xtask platforms --write` renews\n{table}");
        }
    }
}
