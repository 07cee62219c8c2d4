//! `malloc` and `free` by their C names, for counting the instructions of a preloaded library.

use std::hint::black_box;
use std::sync::mpsc::sync_channel;
use std::thread;

use nix::libc::{c_void, free, malloc};

use crate::plan::{Outcome, Plan};
use crate::workload::{Level, Size, Workload};

const fn bar(name: &'static str, about: &'static str, run: fn(&Plan) -> Outcome) -> Workload {
    Workload { name, level: Level::Bar, about, threads: &[1], size: Size::Asked, run }
}

/// What each pair of calls takes, the loop's own few instructions included.
pub const ALL: &[Workload] = &[
    bar("bar-pair-64", "malloc and free of 64 bytes", |plan| pairs(plan, 64)),
    bar("bar-pair-1024", "malloc and free of 1,024 bytes", |plan| pairs(plan, 1_024)),
    bar("bar-batch-64", "malloc of 100 blocks of 64 bytes, then free in that order", |plan| {
        batches(plan, 100)
    }),
    bar("bar-bulk-64", "malloc of 1,000 blocks of 64 bytes, then free in that order", |plan| {
        batches(plan, BULK)
    }),
    bar("bar-replace-64", "replace one of 10,000 blocks of 64 bytes at random", replace),
    bar("bar-remote-64", "malloc of 64 bytes, and free by another thread", remote),
    bar("bar-nothing", "free of no block", nothing),
];

/// More blocks than an allocator is likely to have at hand.
const BULK: usize = 1_000;

/// Blocks that live while one after the other is replaced.
const LIVE: usize = 10_000;

/// A block that nobody but its holder knows of.
struct Raw(*mut c_void);

// SAFETY: a block may be freed by any thread.
unsafe impl Send for Raw {}

impl Raw {
    #[inline]
    fn new(size: usize) -> Self {
        // SAFETY: any size may be asked for.
        Self(black_box(unsafe { malloc(size) }))
    }

    #[inline]
    fn free(self) {
        // SAFETY: it came from `malloc`, or is null, and is freed once, since this takes it.
        unsafe { free(self.0) }
    }
}

fn done(plan: &Plan, ops: usize) -> Outcome {
    Outcome { ops: ops as u64, checksum: plan.seed.wrapping_add(ops as u64) }
}

fn pairs(plan: &Plan, size: usize) -> Outcome {
    let ops = plan.scaled(10_000_000);
    for _ in 0..ops {
        Raw::new(size).free();
    }
    done(plan, ops)
}

fn nothing(plan: &Plan) -> Outcome {
    let ops = plan.scaled(10_000_000);
    for _ in 0..ops {
        black_box(Raw(std::ptr::null_mut())).free();
    }
    done(plan, ops)
}

/// So many blocks are allocated before the first is freed.
fn batches(plan: &Plan, batch: usize) -> Outcome {
    let rounds = plan.scaled(10_000_000) / batch;
    let mut blocks = Vec::with_capacity(batch);
    for _ in 0..rounds {
        blocks.extend((0..batch).map(|_| Raw::new(64)));
        blocks.drain(..).for_each(Raw::free);
    }
    done(plan, rounds * batch)
}

fn replace(plan: &Plan) -> Outcome {
    let ops = plan.scaled(10_000_000);
    let mut blocks: Vec<Raw> = (0..LIVE).map(|_| Raw::new(64)).collect();
    let mut place = plan.seed as usize % LIVE;
    for _ in 0..ops {
        // Odd and no divisor of the length: it comes everywhere, in no order that a cache could learn.
        place = (place + 7_919) % LIVE;
        std::mem::replace(&mut blocks[place], Raw(std::ptr::null_mut())).free();
        blocks[place] = Raw::new(64);
    }
    blocks.into_iter().for_each(Raw::free);
    done(plan, ops)
}

fn remote(plan: &Plan) -> Outcome {
    let rounds = plan.scaled(10_000);
    let (there, theirs) = sync_channel::<Vec<Raw>>(1);
    let (back, ours) = sync_channel::<Vec<Raw>>(1);
    thread::scope(|scope| {
        scope.spawn(move || {
            for mut blocks in theirs {
                blocks.drain(..).for_each(Raw::free);
                back.send(blocks).expect("the first thread waits for it");
            }
        });
        let mut blocks = Vec::with_capacity(BULK);
        for _ in 0..rounds {
            blocks.extend((0..BULK).map(|_| Raw::new(64)));
            there.send(blocks).expect("the other thread waits for it");
            blocks = ours.recv().expect("the other thread answers");
        }
        drop(there);
    });
    done(plan, rounds * BULK)
}
