//! Half of the threads allocate, the other half free.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::block::{Block, skewed_size};
use crate::plan::{Outcome, Plan};
use crate::workload::{Level, Size, Workload};

/// The kind of xmalloc-test.
pub const ALL: &[Workload] = &[Workload {
    name: "producer-consumer",
    level: Level::Kind,
    about: "one thread allocates batches of 1,000 small blocks, its partner frees them (xmalloc-test)",
    threads: &[2, 8],
    size: Size::Quick,
    run,
}];

const BATCH: usize = 1_000;

fn run(plan: &Plan) -> Outcome {
    let pairs = (plan.threads / 2).max(1);
    thread::scope(|scope| {
        let consumers: Vec<_> = (0..pairs)
            .map(|index| {
                // A few batches under way keep both sides busy without letting one run off.
                let (sender, receiver) = sync_channel(4);
                scope.spawn(move || {
                    produce(plan.rng(index), plan.scaled(4_000_000) / pairs, &sender);
                });
                scope.spawn(move || consume(&receiver))
            })
            .collect();
        consumers.into_iter().map(|thread| thread.join().expect("a consumer panicked")).sum()
    })
}

fn produce(mut rng: fastrand::Rng, blocks: usize, batches: &SyncSender<Vec<Block>>) {
    for _ in 0..blocks.div_ceil(BATCH) {
        let batch =
            (0..BATCH).map(|_| Block::new(skewed_size(&mut rng, 3..8), rng.u64(..))).collect();
        batches.send(batch).expect("the consumer is there until the last batch");
    }
}

fn consume(batches: &Receiver<Vec<Block>>) -> Outcome {
    let mut outcome = Outcome::default();
    batches.iter().flatten().for_each(|block| outcome.count(block.tag()));
    outcome
}
