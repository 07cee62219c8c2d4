//! Very many blocks that are freed in random order: how often the system is called for that, and what stays.

// The sanitizer keeps what is freed, and its own books beside it.
#![cfg(not(any(loom, asan, tsan)))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/random.rs"]
mod random;
#[path = "common/resident.rs"]
mod resident;

use std::{sync::Barrier, thread};

use random::Random;
use resident::{MIB, resident};
use stratalloc_arena::global;
use stratalloc_pages::os::faults;

const THREADS: usize = 2;
/// Blocks of each thread.
const COUNT: usize = 800_000;
/// System calls at most: some dozens are made, and two for each block where every free looks for what to give back.
const CALLS: u64 = 4_000;

/// Blocks of 16 to 200 bytes, in random order.
fn blocks(seed: u64) -> Vec<*mut u8> {
    let mut random = Random(seed);
    let mut blocks: Vec<_> = (0..COUNT)
        .map(|_| {
            let size = 16 + random.below(184);
            let block = global::allocate(size, 8);
            // SAFETY: just allocated.
            unsafe { block.write_bytes(1, size) };
            block
        })
        .collect();
    for index in (1..COUNT).rev() {
        blocks.swap(index, random.below(index + 1));
    }
    blocks
}

#[test]
fn blocks_freed_at_random_take_few_calls_and_go() {
    let _alone = alone::alone();
    let before = resident();
    let barrier = Barrier::new(THREADS + 1);
    thread::scope(|scope| {
        let barrier = &barrier;
        let start = |seed| {
            scope.spawn(move || {
                let blocks = blocks(7919 * seed);
                barrier.wait();
                // The count begins.
                barrier.wait();
                for &block in &blocks {
                    // SAFETY: each is freed once.
                    unsafe { global::deallocate(block) };
                }
                barrier.wait();
            })
        };
        let threads: Vec<_> = (1..=THREADS as u64).map(start).collect();
        barrier.wait();
        faults::fail_from(u64::MAX);
        barrier.wait();
        barrier.wait();
        let calls = faults::stop();
        assert!(calls <= CALLS, "{calls} calls");
        // Their ends are waited for, not only that they are done.
        for thread in threads {
            thread.join().unwrap();
        }
    });
    let stays = resident().saturating_sub(before);
    assert!(stays <= 40 * MIB, "{} MiB stay", stays / MIB);
    global::trim();
}
