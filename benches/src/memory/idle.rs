//! A service that was busy and falls asleep: what is resident while nothing happens.

use std::sync::Barrier;
use std::thread;

use fastrand::Rng;

use crate::block::Block;
use crate::phases::Phases;
use crate::workload::{MemoryWorkload, Size};

/// Quite asleep, and with a few requests a millisecond in one thread.
pub const ALL: &[MemoryWorkload] = &[
    MemoryWorkload {
        name: "idle",
        about: "four threads fill and free 250 MB each five times over, then sleep",
        size: Size::Quick,
        run: |phases| sleep(phases, false),
    },
    MemoryWorkload {
        name: "idle-trickle",
        about: "the same, and a fifth thread goes on with 16 small blocks a millisecond",
        size: Size::Quick,
        run: |phases| sleep(phases, true),
    },
];

const THREADS: usize = 4;
const ROUNDS: usize = 5;

fn sleep(phases: &mut Phases, trickles: bool) -> u64 {
    let plan = phases.plan;
    let barrier = Barrier::new(THREADS + 1);
    let busy = |index: usize| {
        let tags = load(&mut plan.rng(index), plan.scaled(400_000));
        // All have done their work; all may end.
        barrier.wait();
        barrier.wait();
        tags
    };
    let busy = &busy;
    let checksum = thread::scope(|scope| {
        let running: Vec<_> = (0..THREADS).map(|index| scope.spawn(move || busy(index))).collect();
        barrier.wait();
        phases.end("busy", 0);
        let mut trickle =
            || drop((0..16).map(|step| Block::new(16 + 50 * step, 0)).collect::<Vec<_>>());
        phases.rest(0, 12, trickles.then_some(&mut trickle as &mut dyn FnMut()));
        barrier.wait();
        let ends = running.into_iter().map(|thread| thread.join().expect("a thread panicked"));
        ends.fold(0_u64, u64::wrapping_add)
    });
    phases.end("threads ended", 0);
    phases.trim(0);
    checksum
}

/// Fills and frees, in random order, so many blocks of mixed sizes at a time.
fn load(rng: &mut Rng, count: usize) -> u64 {
    let mut tags = 0_u64;
    let mut blocks: Vec<Block> = Vec::with_capacity(count);
    for round in 0..ROUNDS {
        let most = if round % 2 == 0 { 700 } else { 1_500 };
        blocks.extend((0..count).map(|_| Block::touched(16 + rng.usize(..most), rng.u64(..))));
        rng.shuffle(&mut blocks);
        tags = blocks.drain(..).fold(tags, |sum, block| sum.wrapping_add(block.tag()));
    }
    tags
}
