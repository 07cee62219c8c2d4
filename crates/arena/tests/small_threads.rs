//! A thread costs what it uses: resident memory of many that have a few blocks each.

// The sanitizer keeps its own books beside them.
#![cfg(not(any(loom, asan, tsan)))]

#[path = "common/resident.rs"]
mod resident;

use std::{sync::Barrier, thread};

use resident::{MIB, resident};
use stratalloc_arena::global;

const THREADS: usize = 64;
/// One block of each, in six of the eight partitions, on ten pages.
const SIZES: [usize; 10] = [24, 48, 96, 160, 320, 640, 1000, 1500, 2500, 4000];

fn fill(size: usize) -> *mut u8 {
    let block = global::allocate(size, 8);
    assert!(!block.is_null());
    // SAFETY: just allocated.
    unsafe { block.write_bytes(1, size) };
    block
}

/// The resident bytes that a thread adds which does so, its stack and the C library's part included.
fn cost_of(work: impl Fn() -> Vec<*mut u8> + Sync) -> usize {
    let (begun, seen) = (Barrier::new(THREADS + 1), Barrier::new(THREADS + 1));
    let before = resident();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let blocks = work();
                begun.wait();
                seen.wait();
                for block in blocks {
                    // SAFETY: live, and freed once.
                    unsafe { global::deallocate(block) };
                }
            });
        }
        begun.wait();
        let cost = (resident() - before) / THREADS;
        seen.wait();
        cost
    })
}

/// Ten pages of blocks, seven of the table of tiles, four of books, cache and stocks: a thousand such threads take less
/// than 92 MiB.
#[test]
fn a_thread_with_a_block_of_each_of_ten_classes_costs_some_twenty_pages() {
    // Stacks that threads had stay with the C library, and serve the next.
    cost_of(Vec::new);
    let none = cost_of(Vec::new);
    let some = cost_of(|| SIZES.map(fill).to_vec());
    let cost = some.saturating_sub(none);
    assert!(cost <= 92 * MIB / 1000, "{} KiB", cost >> 10);
}
