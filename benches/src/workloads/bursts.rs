//! Bursts of one size: filled, thinned out, refilled, and freed in order.

use crate::block::Block;
use crate::plan::{Outcome, Plan};
use crate::workload::{Level, Size, Workload};

/// The kind of glibc-simple and glibc-thread.
pub const ALL: &[Workload] = &[Workload {
    name: "bursts",
    level: Level::Kind,
    about: "25 to 1,600 blocks of one size at a time, every other one freed and refilled (glibc-thread)",
    threads: &[1, 2, 8],
    size: Size::Quick,
    run,
}];

const LENGTHS: [usize; 4] = [25, 100, 400, 1_600];

fn run(plan: &Plan) -> Outcome {
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let mut outcome = Outcome::default();
        let mut blocks: Vec<Option<Block>> = Vec::new();
        while outcome.ops < plan.share(2_000_000) as u64 {
            let (length, size) = (LENGTHS[rng.usize(..4)], 16 * rng.usize(1..=128));
            blocks.extend((0..length).map(|_| Some(Block::new(size, rng.u64(..)))));
            for slot in blocks.iter_mut().step_by(2) {
                outcome.count(slot.take().map_or(0, |block| block.tag()));
            }
            for slot in blocks.iter_mut().step_by(2).rev() {
                *slot = Some(Block::new(size, rng.u64(..)));
            }
            for block in blocks.drain(..).flatten() {
                outcome.count(block.tag());
            }
        }
        outcome
    })
}
