//! A server's memory: blocks are replaced at random, and every so often a new thread takes them over.

use std::thread;

use crate::block::{Block, skewed_size};
use crate::plan::{Outcome, Plan};
use crate::workload::{Level, Size, Workload};

/// The kind of larson.
pub const ALL: &[Workload] = &[Workload {
    name: "replace-handover",
    level: Level::Kind,
    about: "random replacement of 5,000 blocks a thread, handed to a new thread 20 times (larson)",
    threads: &[1, 2, 8],
    size: Size::Quick,
    run,
}];

const GENERATIONS: usize = 20;
const LIVE: usize = 5_000;

fn run(plan: &Plan) -> Outcome {
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let mut slots: Vec<Block> = (0..LIVE).map(|_| block(&mut rng)).collect();
        let mut outcome = Outcome::default();
        let ops = (plan.share(4_000_000) / GENERATIONS).max(1);
        for generation in 0..GENERATIONS {
            let mut rng = plan.rng(index + (generation + 1) * plan.threads);
            let successor = move || {
                let outcome = replace(&mut slots, &mut rng, ops);
                (slots, outcome)
            };
            let (next, done) = thread::spawn(successor).join().expect("a successor panicked");
            slots = next;
            outcome += done;
        }
        outcome.checksum =
            slots.iter().fold(outcome.checksum, |sum, block| sum.wrapping_add(block.tag()));
        outcome
    })
}

fn block(rng: &mut fastrand::Rng) -> Block {
    Block::new(skewed_size(rng, 3..10), rng.u64(..))
}

fn replace(slots: &mut [Block], rng: &mut fastrand::Rng, ops: usize) -> Outcome {
    let mut outcome = Outcome::default();
    for _ in 0..ops {
        let slot = &mut slots[rng.usize(..LIVE)];
        outcome.count(slot.tag());
        *slot = block(rng);
    }
    outcome
}
