//! Threads that come, allocate and go, and what they leave behind.

use std::thread;

use crate::block::{Block, skewed_size};
use crate::plan::{Outcome, Plan};
use crate::workload::{Level, Size, Workload};

/// Short threads, and short threads whose blocks outlive them; the kind of mleak.
pub const ALL: &[Workload] = &[
    Workload {
        name: "short-threads",
        level: Level::Kind,
        about: "threads that allocate and free 200 blocks and end",
        threads: &[1, 2, 8],
        size: Size::Quick,
        run: |plan| plan.on_threads(|index| spawn_many(plan, index, 0)),
    },
    Workload {
        name: "orphaned-blocks",
        level: Level::Kind,
        about: "threads that end with 100 blocks alive, freed by another thread later (mleak)",
        threads: &[1, 2, 8],
        size: Size::Quick,
        run: |plan| plan.on_threads(|index| spawn_many(plan, index, 100)),
    },
];

const BLOCKS: usize = 200;

/// Starts threads one after another; each leaves `left` blocks to this one, which frees them ten threads later.
fn spawn_many(plan: &Plan, index: usize, left: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let mut orphans = Vec::new();
    for round in 0..plan.share(4_000) {
        let mut rng = plan.rng(index + round * plan.threads);
        let short = thread::spawn(move || {
            let mut blocks: Vec<Block> = (0..BLOCKS)
                .map(|_| Block::new(skewed_size(&mut rng, 3..12), rng.u64(..)))
                .collect();
            let rest = blocks.split_off(BLOCKS - left);
            (blocks.iter().map(|block| Outcome::one(block.tag())).sum::<Outcome>(), rest)
        });
        let (done, rest) = short.join().expect("a short thread panicked");
        outcome += done;
        orphans.extend(rest);
        if round % 10 == 9 {
            outcome += orphans.drain(..).map(|block| Outcome::one(block.tag())).sum();
        }
    }
    outcome + orphans.iter().map(|block| Outcome::one(block.tag())).sum()
}
