//! Blocks above the small size classes: buffers, images, matrices.

use crate::block::{Block, skewed_size};
use crate::plan::{Outcome, Plan};
use crate::workload::{Level, Size, Workload};

/// Kept for a while at random, or zeroed and used once.
pub const ALL: &[Workload] = &[
    Workload {
        name: "large-blocks",
        level: Level::Kind,
        about: "random replacement among 32 blocks of 64 KiB to 4 MiB, every page touched (large blocks of mleak)",
        threads: &[1, 2],
        size: Size::Quick,
        run: replace,
    },
    Workload {
        name: "large-zeroed",
        level: Level::Kind,
        about: "zeroed buffers of 32 KiB to 2 MiB, read once",
        threads: &[1, 2],
        size: Size::Quick,
        run: zeroed,
    },
    Workload {
        name: "huge-blocks",
        level: Level::Kind,
        about: "random replacement among 20 blocks of 5 to 25 MiB, every page touched (malloc-large)",
        threads: &[1, 2],
        size: Size::Quick,
        run: huge,
    },
];

fn replace(plan: &Plan) -> Outcome {
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let live = 32 / plan.threads.min(32);
        let mut slots: Vec<Block> = (0..live).map(|_| Block::new(0, 0)).collect();
        let mut outcome = Outcome::default();
        for _ in 0..plan.share(4_000) {
            let slot = &mut slots[rng.usize(..live)];
            *slot = Block::touched(skewed_size(&mut rng, 16..22), rng.u64(..));
            outcome.count(slot.tag());
        }
        outcome
    })
}

fn huge(plan: &Plan) -> Outcome {
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let live = 20 / plan.threads.min(20);
        let mut slots: Vec<Block> = (0..live).map(|_| Block::new(0, 0)).collect();
        let mut outcome = Outcome::default();
        for _ in 0..plan.share(80) {
            let slot = &mut slots[rng.usize(..live)];
            // The old one goes first, as where a buffer is replaced by a larger one.
            outcome.count(std::mem::replace(slot, Block::new(0, 0)).tag());
            *slot = Block::touched(rng.usize(5 << 20..25 << 20), rng.u64(..));
        }
        outcome + slots.iter().map(|block| Outcome::one(block.tag())).sum()
    })
}

fn zeroed(plan: &Plan) -> Outcome {
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let mut outcome = Outcome::default();
        for _ in 0..plan.share(1_500) {
            let mut buffer = vec![0_u8; skewed_size(&mut rng, 15..21)];
            buffer[0] = rng.u8(1..);
            outcome.count(buffer.iter().map(|&byte| u64::from(byte)).sum());
        }
        outcome
    })
}
