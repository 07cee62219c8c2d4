//! Regular expressions compiled and run in a storm (regex).

use regex::Regex;

use crate::plan::{Outcome, Plan, hash};
use crate::workload::Workload;

/// A log filter whose rules change all the time.
pub const ALL: &[Workload] = &[Workload::program(
    "regexes",
    "compile patterns, find and replace with each in 100 lines",
    run,
)];

fn run(plan: &Plan) -> Outcome {
    plan.on_pool(400, storm)
}

fn storm(rng: &mut fastrand::Rng) -> Outcome {
    let letter = rng.lowercase();
    let pattern = format!(
        r"({letter}[a-z]{{{}}})|([0-9]+)-(?<rest>[{letter}-z]+|x{{2,{}}})",
        rng.u32(1..4),
        rng.u32(3..9)
    );
    let regex = Regex::new(&pattern).expect("a valid pattern");
    let line = |rng: &mut fastrand::Rng| -> String {
        let word = |rng: &mut fastrand::Rng| -> String {
            (0..rng.usize(2..8)).map(|_| rng.lowercase()).collect()
        };
        (0..8).map(|_| format!("{}-{}", rng.u16(..), word(rng))).collect::<Vec<_>>().join(" ")
    };
    let lines = (0..100).map(|_| {
        let line = line(rng);
        let found: Vec<String> =
            regex.captures_iter(&line).map(|found| found[0].to_owned()).collect();
        let replaced = regex.replace_all(&line, "<$rest>");
        Outcome::one(hash(replaced.as_bytes()).wrapping_add(found.len() as u64))
    });
    lines.sum()
}
