//! Blocks that live and die in batches, freed by their own thread or by the next.

use crate::block::{Block, skewed_size};
use crate::plan::{Outcome, Plan};
use crate::ring::Ring;
use crate::workload::{Level, Size, Workload};

/// The kinds of sh6bench and sh8bench.
pub const ALL: &[Workload] = &[
    Workload {
        name: "batch-mixed",
        level: Level::Kind,
        about: "batches freed first-in-first-out, last-in-first-out and interleaved (sh6bench)",
        threads: &[1, 2, 8],
        size: Size::Quick,
        run: mixed,
    },
    Workload {
        name: "batch-exchange",
        level: Level::Kind,
        about: "each batch is freed by the next thread of a ring (sh8bench)",
        threads: &[2, 8],
        size: Size::Quick,
        run: exchange,
    },
];

const BATCH: usize = 2_000;

fn batch(rng: &mut fastrand::Rng) -> Vec<Block> {
    (0..BATCH).map(|_| Block::new(skewed_size(rng, 3..10), rng.u64(..))).collect()
}

fn free(batch: impl Iterator<Item = Block>) -> Outcome {
    batch.map(|block| Outcome::one(block.tag())).sum()
}

fn mixed(plan: &Plan) -> Outcome {
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let mut outcome = Outcome::default();
        for _ in 0..plan.share(4_000_000).div_ceil(4 * BATCH) {
            let (first, second) = (batch(&mut rng), batch(&mut rng));
            outcome += free(first.into_iter());
            let (third, fourth) = (batch(&mut rng), batch(&mut rng));
            outcome += free(second.into_iter().rev());
            outcome += free(third.into_iter().zip(fourth).flat_map(|(left, right)| [left, right]));
        }
        outcome
    })
}

fn exchange(plan: &Plan) -> Outcome {
    let ring = Ring::new(plan.threads);
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let mut outcome = Outcome::default();
        for _ in 0..plan.share(3_000_000).div_ceil(BATCH) {
            outcome += free(ring.pass(index, batch(&mut rng)).into_iter());
        }
        outcome
    })
}
