//! Words counted and indexed in maps of strings, folded in parallel.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::plan::{Outcome, Plan, hash};
use crate::workload::Workload;

/// The index of a search engine, in small.
pub const ALL: &[Workload] = &[Workload::program(
    "string-maps",
    "index the words of 60,000 lines in maps that are merged",
    run,
)];

type Index = HashMap<String, Vec<u32>>;

fn run(plan: &Plan) -> Outcome {
    let lines = plan.scaled(60_000) as u32;
    let index = plan.pool().install(|| {
        let parts = (0..lines).into_par_iter().fold(Index::new, |mut index, line| {
            for word in words(&mut plan.rng(line as usize)).split(' ') {
                index.entry(word.to_owned()).or_default().push(line);
            }
            index
        });
        parts.reduce(Index::new, merge)
    });
    index
        .into_iter()
        .map(|(word, lines)| Outcome::one(hash(word.as_bytes()) ^ lines.len() as u64))
        .sum()
}

fn words(rng: &mut fastrand::Rng) -> String {
    // Squared, so that some words are common and most are rare.
    let word = |rng: &mut fastrand::Rng| format!("w{:x}", rng.u32(..250).pow(2) + rng.u32(..3));
    (0..20).map(|_| word(rng)).collect::<Vec<_>>().join(" ")
}

fn merge(left: Index, right: Index) -> Index {
    let (mut large, small) = if left.len() < right.len() { (right, left) } else { (left, right) };
    for (word, lines) in small {
        large.entry(word).or_default().extend(lines);
    }
    large
}
