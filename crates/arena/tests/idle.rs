//! Memory goes back as it becomes idle: with the ends of threads and heaps, and as blocks shrink.

// The sanitizer keeps what is freed, and its own books beside it.
#![cfg(not(any(loom, asan, tsan)))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/filled.rs"]
mod filled;
#[path = "common/resident.rs"]
mod resident;

use std::{
    alloc::Layout,
    path::PathBuf,
    sync::{Barrier, MutexGuard},
    thread,
};

use filled::{filled, free};
use resident::{MIB, resident};
use stratalloc_arena::{ArenaHeap, Config, global};
use stratalloc_core::{Allocator, Trim};
use stratalloc_pages::os::faults;

/// A test's turn, with little that may be kept.
fn keeping(bytes: usize) -> MutexGuard<'static, Option<PathBuf>> {
    let alone = alone::alone();
    Config::new().keep(bytes).apply().unwrap();
    global::trim();
    alone
}

/// Bytes that are resident beyond those of before.
fn beyond(before: usize) -> usize {
    resident().saturating_sub(before)
}

/// Blocks of every size to 16 KiB, freed again.
fn work() {
    let blocks: Vec<_> = (0..400).map(|step| filled(16 + step * 40)).collect();
    blocks.into_iter().for_each(free);
}

/// So many threads work at once, and end.
fn threads(count: usize) {
    threads_that(count, |_| {});
}

/// So many threads work at once; each does something besides, by its number, and ends.
fn threads_that(count: usize, act: impl Fn(usize) + Sync) {
    let barrier = Barrier::new(count);
    thread::scope(|scope| {
        let (barrier, act) = (&barrier, &act);
        let start = |number| {
            scope.spawn(move || {
                work();
                barrier.wait();
                act(number);
            })
        };
        let threads: Vec<_> = (0..count).map(start).collect();
        // Their ends are waited for, not only that they are done.
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn threads_that_end_leave_what_may_be_kept() {
    let keep = 8 * MIB;
    let _alone = keeping(keep);
    // The first leave stacks with the C library.
    threads(100);
    global::trim();
    let before = resident();
    threads(100);
    assert!(beyond(before) < keep + keep / 10, "{} bytes stay", beyond(before));
}

#[test]
#[cfg_attr(feature = "checked", ignore = "a slab has a page of bytes for its blocks besides")]
fn a_trim_leaves_little_of_an_ended_threads_heap() {
    let _alone = keeping(64 * MIB);
    let count = 100;
    // The first leave stacks with the C library.
    threads(count);
    global::trim();
    let before = resident();
    threads(3 * count);
    global::trim();
    let each = beyond(before) / (2 * count);
    assert!(each <= 32 << 10, "{each} bytes a heap");
}

/// What holds such blocks on their way is a block of the thread that freed them, and would keep its heap in use.
#[test]
fn threads_that_freed_blocks_of_one_that_sleeps_leave_nothing() {
    let _alone = keeping(0);
    let count = 100;
    let blocks: Vec<_> = (0..count).map(|_| filled(100).expose_provenance()).collect();
    threads_that(count, |number| {
        // SAFETY: each is freed once.
        unsafe { global::deallocate(std::ptr::with_exposed_provenance_mut(blocks[number])) };
    });
    let with = resident();
    global::trim();
    let given = with.saturating_sub(resident());
    assert!(given < MIB, "{given} bytes stayed");
}

#[test]
fn heaps_that_are_dropped_leave_what_may_be_kept() {
    let keep = 4 * MIB;
    let _alone = keeping(keep);
    let before = resident();
    let heaps: Vec<_> = (0..16).map(|_| ArenaHeap::new().unwrap()).collect();
    for heap in &heaps {
        for size in (16..32_000).step_by(40) {
            let block = heap.allocate(Layout::from_size_align(size, 8).unwrap()).unwrap();
            // SAFETY: just allocated.
            unsafe { block.cast::<u8>().write_bytes(1, size) };
        }
    }
    drop(heaps);
    assert!(beyond(before) < keep + keep / 4, "{} bytes stay", beyond(before));
    global::trim();
}

#[test]
fn what_a_block_shrinks_by_goes_at_once() {
    let _alone = keeping(0);
    Config::new().apply().unwrap();
    let before = resident();
    for size in [256 * MIB, 40 * MIB] {
        let mut block = filled(size);
        for live in (1..16).rev().map(|sixteenths| size / 16 * sixteenths) {
            // SAFETY: the block is live.
            block = unsafe { global::reallocate(block, live, 8) };
            let held = beyond(before);
            assert!(held < live + live / 10 + 2 * MIB, "{held} bytes for {live}");
        }
        free(block);
        global::trim();
    }
}

// In the hardened build the rest of a block's last page alone stays.
#[cfg(not(feature = "hardened"))]
#[test]
fn blocks_that_shrink_to_a_tenth_hold_little_more() {
    let _alone = keeping(0);
    let (before, mut live) = (resident(), 0);
    let blocks: Vec<_> = (0..200)
        .map(|number| {
            let size = (400 << 10) + number * 3000;
            live += size / 10;
            // SAFETY: just allocated; the old address is forgotten.
            unsafe { global::reallocate(filled(size), size / 10, 8) }
        })
        .collect();
    // What else is kept may be as much as lives.
    global::trim();
    let held = beyond(before);
    assert!(held < live + live / 8 + MIB, "{held} bytes for {live}");
    blocks.into_iter().for_each(free);
    global::trim();
}

#[test]
fn what_a_trim_would_give_is_known_before() {
    let _alone = keeping(64 * MIB);
    let mut kept = Vec::new();
    for step in 0..40_000 {
        let block = filled(1000);
        // Stretches of 16 blocks are freed, of 4 live on.
        kept.push((step % 20 < 4, block));
    }
    let large = filled(5 * MIB);
    kept.iter().filter(|(lives, _)| !lives).for_each(|&(_, block)| free(block));
    free(large);
    let said = global::stats().trimmable;
    let given = global::trim();
    assert!(said.abs_diff(given) <= given / 10, "{said} bytes were said, {given} given");
    assert!(given > 20 * MIB, "{given} bytes were given");
    kept.iter().filter(|(lives, _)| *lives).for_each(|&(_, block)| free(block));
}

/// It would be one to purge it, and one to unmap it. Classes of more than 8 KiB have a stretch each.
#[test]
fn memory_of_a_heap_without_blocks_goes_in_one_call_a_stretch() {
    let _alone = alone::alone();
    let heap = ArenaHeap::new().unwrap();
    let sizes = [10 << 10, 12 << 10, 14 << 10, 16 << 10, 20 << 10, 24 << 10, 28 << 10, 32 << 10];
    let layouts: Vec<_> =
        sizes.iter().map(|&size| Layout::from_size_align(size, 8).unwrap()).collect();
    let blocks: Vec<_> = layouts.iter().map(|&layout| heap.allocate(layout).unwrap()).collect();
    for (block, &layout) in blocks.into_iter().zip(&layouts) {
        // SAFETY: each is freed once.
        unsafe { heap.deallocate(block.cast(), layout) };
    }
    faults::stop();
    assert!(heap.trim() > 0);
    let calls = faults::stop();
    assert!((8..14).contains(&calls), "{calls} calls for the memory of eight classes");
}

/// Classes begin side by side, in a mapping for eight of them.
#[test]
#[cfg_attr(feature = "checked", ignore = "each class begins in its own partition")]
fn the_first_blocks_of_many_classes_take_few_calls() {
    let _alone = alone::alone();
    let heap = ArenaHeap::new().unwrap();
    let layouts: Vec<_> =
        (1..=20).map(|step| Layout::from_size_align(step * step * 16, 8).unwrap()).collect();
    faults::stop();
    let blocks: Vec<_> = layouts.iter().map(|&layout| heap.allocate(layout).unwrap()).collect();
    let calls = faults::stop();
    assert!(calls <= 8, "{calls} calls for twenty classes");
    for (block, &layout) in blocks.into_iter().zip(&layouts) {
        // SAFETY: each is freed once.
        unsafe { heap.deallocate(block.cast(), layout) };
    }
}
