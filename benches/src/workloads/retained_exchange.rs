//! Threads that start anew each round, keep some of what they allocate, and swap the rest.

use std::sync::Mutex;

use crate::block::{Block, skewed_size};
use crate::plan::{Outcome, Plan};
use crate::workload::{Level, Size, Workload};

/// The kind of mstress.
pub const ALL: &[Workload] = &[Workload {
    name: "retained-exchange",
    level: Level::Kind,
    about: "threads restart each round, retain a fifth of their blocks and swap heaps of others (mstress)",
    threads: &[1, 2, 8],
    size: Size::Quick,
    run,
}];

const ROUNDS: usize = 8;
const SHELVES: usize = 64;

/// Where the threads leave blocks for each other.
type Shelf = Mutex<Vec<Block>>;

fn run(plan: &Plan) -> Outcome {
    let shelves: Vec<Shelf> = (0..SHELVES).map(|_| Shelf::default()).collect();
    let mut outcome = Outcome::default();
    for round in 0..ROUNDS {
        outcome +=
            plan.on_threads(|index| stress(plan, plan.rng(index + round * plan.threads), &shelves));
    }
    let left =
        shelves.into_iter().flat_map(|shelf| shelf.into_inner().expect("no thread panicked"));
    outcome + left.map(|block| Outcome::one(block.tag())).sum()
}

fn stress(plan: &Plan, mut rng: fastrand::Rng, shelves: &[Shelf]) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut retained, mut heap) = (Vec::new(), Vec::new());
    for _ in 0..(plan.share(2_000_000) / ROUNDS).max(1) {
        // One block in a thousand is large, as a buffer among objects would be.
        let bits = if rng.u32(..1_000) == 0 { 13..17 } else { 3..9 };
        let block = Block::new(skewed_size(&mut rng, bits), rng.u64(..));
        if rng.u32(..5) == 0 {
            retained.push(block);
        } else {
            heap.push(block);
        }
        if heap.len() == 500 {
            let mut shelf = shelves[rng.usize(..SHELVES)].lock().expect("no thread panicked");
            std::mem::swap(&mut *shelf, &mut heap);
            drop(shelf);
            heap.drain(..).for_each(|block| outcome.count(block.tag()));
        }
    }
    outcome + retained.into_iter().chain(heap).map(|block| Outcome::one(block.tag())).sum()
}
