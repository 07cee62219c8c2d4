//! Random replacement among many live blocks, each thread among its own: the kind of alloc-test.

use crate::block::{Block, skewed_size};
use crate::plan::{Outcome, Plan};
use crate::workload::{Level, Size, Workload};

/// Small blocks, and a mix that reaches into the large ones.
pub const ALL: &[Workload] = &[
    Workload {
        name: "replace-small",
        level: Level::Kind,
        about: "random replacement among 100,000 live blocks of 8 to 1,023 bytes (alloc-test)",
        threads: &[1, 2, 8],
        size: Size::Quick,
        run: |plan| replace(plan, 2_000_000, 100_000, 3..10),
    },
    Workload {
        name: "replace-wide",
        level: Level::Kind,
        about: "random replacement among 4,000 live blocks of 16 bytes to 64 KiB",
        threads: &[1, 2],
        size: Size::Quick,
        run: |plan| replace(plan, 1_000_000, 4_000, 4..16),
    },
];

fn replace(plan: &Plan, ops: usize, live: usize, bits: std::ops::Range<u32>) -> Outcome {
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let mut outcome = Outcome::default();
        let live = live / plan.threads;
        let mut slots: Vec<Option<Block>> = (0..live).map(|_| None).collect();
        for _ in 0..plan.share(ops) {
            let block = Block::new(skewed_size(&mut rng, bits.clone()), rng.u64(..));
            let old = slots[rng.usize(..live)].replace(block);
            outcome.count(old.map_or(0, |old| old.tag()));
        }
        outcome.checksum = slots
            .iter()
            .flatten()
            .fold(outcome.checksum, |sum, block| sum.wrapping_add(block.tag()));
        outcome
    })
}
