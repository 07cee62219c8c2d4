//! Memory that large blocks left, as small ones take new memory: it goes, since they can't use it.

// The sanitizer keeps what is freed; the hardened build keeps what large blocks left for those of their size.
#![cfg(not(any(loom, asan, tsan, feature = "hardened")))]

#[path = "common/alone.rs"]
mod alone;

use std::{alloc::Layout, ptr::NonNull};

use stratalloc_arena::{ArenaHeap, Census, Config, global};
use stratalloc_core::Allocator;

const MIB: usize = 1 << 20;

/// Blocks that were written to.
fn fill(heap: &ArenaHeap, size: usize, bytes: usize) -> Vec<(NonNull<u8>, Layout)> {
    let layout = Layout::from_size_align(size, 8).unwrap();
    let filled = |_| {
        let block = heap.allocate(layout).unwrap().cast::<u8>();
        // SAFETY: just allocated, of this size.
        unsafe { block.write_bytes(1, size) };
        (block, layout)
    };
    (0..bytes / size).map(filled).collect()
}

fn free(heap: &ArenaHeap, blocks: Vec<(NonNull<u8>, Layout)>) {
    for (block, layout) in blocks {
        // SAFETY: live, of this heap, and freed once.
        unsafe { heap.deallocate(block, layout) };
    }
}

/// Bytes that go as blocks of 3,000 bytes take 16 MiB, after others took and gave back as much.
fn purged_after(before: usize) -> usize {
    // Else the heap may be one that was dropped, whose slabs have grown.
    global::trim();
    let heap = ArenaHeap::new().unwrap();
    free(&heap, fill(&heap, before, 16 * MIB));
    let purged = Census::take().events.purged;
    let blocks = fill(&heap, 3000, 16 * MIB);
    let more = Census::take().events.purged - purged;
    free(&heap, blocks);
    more as usize
}

#[test]
fn what_large_blocks_left_goes_as_slabs_grow() {
    let _alone = alone::alone();
    for size in [60 << 10, 3 * MIB, 8 * MIB] {
        let purged = purged_after(size);
        assert!(purged > 8 * MIB, "{purged} bytes went of what blocks of {size} bytes left");
    }
}

#[test]
fn what_small_blocks_left_waits_for_them() {
    let _alone = alone::alone();
    for size in [100, 1000, 10_000] {
        assert_eq!(purged_after(size), 0, "of what blocks of {size} bytes left");
    }
}

#[test]
fn nothing_goes_where_more_is_to_be_kept_than_usual() {
    let _alone = alone::alone();
    Config::new().keep(64 * MIB).apply().unwrap();
    let purged = purged_after(8 * MIB);
    Config::new().apply().unwrap();
    assert_eq!(purged, 0);
}
