//! Bursts: a thread that fills and frees one size after another has memory for one of them.

#![cfg(not(any(loom, asan, tsan, feature = "hardened")))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/resident.rs"]
mod resident;

use resident::{MIB, resident};
use stratalloc_arena::global;

/// Allocates that many blocks, writes to each, and frees them all.
fn burst(size: usize, count: usize) {
    let blocks: Vec<_> = (0..count).map(|_| global::allocate(size, 8)).collect();
    for &block in &blocks {
        assert!(!block.is_null());
        // SAFETY: a live block.
        unsafe { block.write_bytes(1, size) };
    }
    for block in blocks {
        // SAFETY: each is freed once.
        unsafe { global::deallocate(block) };
    }
}

#[test]
fn sizes_of_a_row_share_their_memory() {
    let _alone = alone::alone();
    let sizes = [1152, 1280, 1408, 1536, 1664, 1792, 1920, 2048];
    let before = resident();
    for _ in 0..3 {
        for size in sizes {
            burst(size, 4 * MIB / size);
        }
    }
    let grown = resident().saturating_sub(before) * 100 / MIB;
    assert!(grown < 500, "{grown} hundredths of a MiB for bursts of 4 MiB");
}
