//! Random sizes, random lifetimes, and now and then a load of blocks for another thread.

use crate::block::{Block, skewed_size};
use crate::plan::{Outcome, Plan};
use crate::ring::Ring;
use crate::workload::{Level, Size, Workload};

/// The kind of rptest.
pub const ALL: &[Workload] = &[Workload {
    name: "mixed-exchange",
    level: Level::Kind,
    about: "strided replacement of blocks of 16 bytes to 16 KiB, a tenth of them freed by other threads (rptest)",
    threads: &[2, 8],
    size: Size::Quick,
    run,
}];

const LIVE: usize = 2_000;
const ROUND: usize = 1_000;

fn run(plan: &Plan) -> Outcome {
    let ring = Ring::new(plan.threads);
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let mut outcome = Outcome::default();
        let mut slots: Vec<Block> = (0..LIVE).map(|_| block(&mut rng)).collect();
        for _ in 0..plan.share(1_500_000).div_ceil(ROUND) {
            let parcel = replace(&mut slots, &mut rng, &mut outcome);
            for block in ring.pass(index, parcel) {
                outcome.count(block.tag());
            }
        }
        outcome.checksum =
            slots.iter().fold(outcome.checksum, |sum, block| sum.wrapping_add(block.tag()));
        outcome
    })
}

fn block(rng: &mut fastrand::Rng) -> Block {
    Block::new(skewed_size(rng, 4..14), rng.u64(..))
}

/// Replaces a strided round of slots; a tenth of the old blocks is returned for the next thread to free.
fn replace(slots: &mut [Block], rng: &mut fastrand::Rng, outcome: &mut Outcome) -> Vec<Block> {
    let (start, stride) = (rng.usize(..LIVE), 2 * rng.usize(..50) + 1);
    let mut parcel = Vec::new();
    for step in 0..ROUND {
        let old = std::mem::replace(&mut slots[(start + step * stride) % LIVE], block(rng));
        if step % 10 == 0 {
            parcel.push(old);
        } else {
            outcome.count(old.tag());
        }
    }
    parcel
}
