//! The workloads that the arenas were first written for.

use crate::block::Block;
use crate::plan::{Outcome, Plan};
use crate::workload::{Level, Size, Workload};

const fn workload(name: &'static str, about: &'static str, run: fn(&Plan) -> Outcome) -> Workload {
    Workload { name, level: Level::Seed, about, threads: &[1, 2], size: Size::Quick, run }
}

/// A size sweep, and four orders of freeing.
pub const ALL: &[Workload] = &[
    workload("seed-sweep", "16 blocks of each size from 8 bytes to 32 KiB in turn", sweep),
    workload("seed-immediate", "blocks of 8 to 1,024 bytes, each freed at once", immediate),
    workload("seed-reverse", "50,000 blocks of 8 to 1,024 bytes freed in reverse order", |plan| {
        rounds(plan, 4_000_000, |blocks, _| blocks.into_iter().rev().map(freed).sum())
    }),
    workload("seed-scatter", "50,000 blocks of 8 to 1,024 bytes freed in random order", |plan| {
        rounds(plan, 2_500_000, scatter)
    }),
    workload("seed-sparse", "50,000 blocks, all but one in 64 freed and allocated again", |plan| {
        rounds(plan, 2_000_000, sparse)
    }),
];

const LIVE: usize = 50_000;

#[expect(clippy::needless_pass_by_value, reason = "to free the block")]
fn freed(block: Block) -> Outcome {
    Outcome::one(block.tag())
}

fn random(rng: &mut fastrand::Rng) -> Block {
    Block::new(rng.usize(8..=1_024), rng.u64(..))
}

fn sweep(plan: &Plan) -> Outcome {
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let mut outcome = Outcome::default();
        for _ in 0..plan.share(4) {
            for size in (8..=32 << 10).step_by(8) {
                let blocks: [Block; 16] = std::array::from_fn(|_| Block::new(size, rng.u64(..)));
                outcome += blocks.into_iter().map(freed).sum();
            }
        }
        outcome
    })
}

fn immediate(plan: &Plan) -> Outcome {
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        (0..plan.share(12_000_000)).map(|_| freed(random(&mut rng))).sum()
    })
}

/// Allocates random blocks by [`LIVE`] at a time and has them freed by `free`, `ops` blocks in all.
fn rounds(plan: &Plan, ops: usize, free: fn(Vec<Block>, &mut fastrand::Rng) -> Outcome) -> Outcome {
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let batches = (0..plan.share(ops).div_ceil(LIVE)).map(|_| {
            let blocks = (0..LIVE).map(|_| random(&mut rng)).collect();
            free(blocks, &mut rng)
        });
        batches.sum()
    })
}

fn scatter(mut blocks: Vec<Block>, rng: &mut fastrand::Rng) -> Outcome {
    rng.shuffle(&mut blocks);
    blocks.into_iter().map(freed).sum()
}

fn sparse(blocks: Vec<Block>, rng: &mut fastrand::Rng) -> Outcome {
    let mut outcome = Outcome::default();
    let mut kept = Vec::with_capacity(LIVE);
    for (index, block) in blocks.into_iter().enumerate() {
        if index % 64 == 0 { kept.push(block) } else { outcome += freed(block) }
    }
    kept.extend((kept.len()..LIVE).map(|_| random(rng)));
    outcome + kept.into_iter().map(freed).sum()
}
