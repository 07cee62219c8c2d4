//! Blocks above the small size classes: buffers, images, matrices.

use crate::block::{Block, skewed_size};
use crate::plan::{Outcome, Plan};
use crate::registry::{Level, Size, Workload};

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
