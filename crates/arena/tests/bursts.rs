//! Bursts: a thread that fills and frees one size after another has memory for one of them, and one that fills all of them
//! again has what it had before.

#![cfg(not(any(loom, asan, tsan, feature = "hardened")))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/resident.rs"]
mod resident;

use resident::{MIB, resident};
use stratalloc_arena::global;

/// Allocates blocks of these sizes, writes to each, and frees them all, the last first.
fn burst(sizes: impl Iterator<Item = usize>) {
    let allocate = |size| {
        let block = global::allocate(size, 8);
        assert!(!block.is_null());
        // SAFETY: a live block.
        unsafe { block.write_bytes(1, size) };
        block
    };
    let blocks: Vec<_> = sizes.map(allocate).collect();
    for block in blocks.into_iter().rev() {
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
            burst(std::iter::repeat_n(size, 4 * MIB / size));
        }
    }
    let grown = resident().saturating_sub(before) * 100 / MIB;
    assert!(grown < 500, "{grown} hundredths of a MiB for bursts of 4 MiB");
}

/// Known wrong: memory of a row whose segments have 4 MiB was worth sharing from 512 KiB on.
#[test]
fn sizes_of_a_row_share_little_memory_too() {
    let _alone = alone::alone();
    let sizes = [2304, 2560, 2816, 3072, 3328, 3584, 3840, 4096];
    let before = resident();
    for _ in 0..3 {
        for size in sizes {
            burst(std::iter::repeat_n(size, MIB / 4 / size));
        }
    }
    let grown = resident().saturating_sub(before) * 100 / MIB;
    assert!(grown < 80, "{grown} hundredths of a MiB for bursts of a quarter of one");
}

/// Known wrong: a slab that was used in part was filled before others that had become free, so that each had memory behind
/// all of it: 3.9 MiB more the second time.
#[test]
fn what_was_filled_once_has_no_more_memory_the_second_time() {
    let _alone = alone::alone();
    let sizes = [576, 640, 704, 768, 832, 896, 960, 1024];
    let fill = || burst((0..2500).flat_map(|_| sizes));
    fill();
    let before = resident();
    fill();
    let grown = resident().saturating_sub(before) * 100 / MIB;
    assert!(grown < 50, "{grown} hundredths of a MiB more");
}
