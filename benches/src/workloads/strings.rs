//! Text that is formatted, split, joined, replaced and sorted.

use crate::plan::{Outcome, Plan, hash};
use crate::workload::{Level, Size, Workload};

/// Short-lived strings of all lengths.
pub const ALL: &[Workload] = &[Workload {
    name: "string-churn",
    level: Level::Kind,
    about: "lines formatted, split into owned words, sorted, joined and replaced",
    threads: &[1, 2],
    size: Size::Quick,
    run,
}];

fn run(plan: &Plan) -> Outcome {
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        (0..plan.share(12_000)).map(|_| Outcome::one(hash(churn(&line(&mut rng)).as_bytes()))).sum()
    })
}

fn line(rng: &mut fastrand::Rng) -> String {
    let words = rng.usize(5..60);
    let word = |_| {
        let digits = rng.u32(1..30);
        format!("{}{}", rng.lowercase(), rng.u32(..1 << digits))
    };
    (0..words).map(word).collect::<Vec<_>>().join(" ")
}

fn churn(line: &str) -> String {
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    words.sort_unstable();
    words.dedup();
    let reversed: Vec<String> = words.iter().map(|word| word.chars().rev().collect()).collect();
    let joined = reversed.join(", ").to_uppercase();
    joined.replace('1', "one") + &words.concat()
}
