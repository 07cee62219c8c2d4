//! Bursts: a thread that fills and frees one size after another has memory for one of them, and one that fills all of them
//! again has what it had before.

#![cfg(not(any(loom, asan, tsan, feature = "hardened")))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/filled.rs"]
mod filled;
#[path = "common/resident.rs"]
mod resident;

use filled::{filled, free};
use resident::{MIB, resident};
use stratalloc_arena::global;

/// Allocates blocks of these sizes, writes to each, and frees them all, the last first.
fn burst(sizes: impl Iterator<Item = usize>) {
    let blocks: Vec<_> = sizes.map(filled).collect();
    blocks.into_iter().rev().for_each(free);
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

/// A stock may hold blocks of other slabs than the one that its bin is refilled from.
#[test]
fn sizes_of_a_row_share_their_memory_in_whatever_order_it_is_freed() {
    let _alone = alone::alone();
    let before = resident();
    for size in (0..3).flat_map(|_| [288, 320, 352, 384, 416, 448, 480, 512]) {
        let blocks: Vec<_> = (0..3 * MIB / size).map(|_| filled(size)).collect();
        // The step has no divisor in common with any of these counts.
        (0..blocks.len()).for_each(|turn| free(blocks[turn * 7919 % blocks.len()]));
    }
    let grown = resident().saturating_sub(before) * 100 / MIB;
    assert!(grown < 400, "{grown} hundredths of a MiB for bursts of 3 MiB");
}

/// Sizes of two rows whose segments have megabytes.
const LONG_ROWS: [[usize; 8]; 2] = [
    [2304, 2560, 2816, 3072, 3328, 3584, 3840, 4096],
    [9216, 10240, 11264, 12288, 13312, 14336, 15360, 16384],
];

#[test]
fn sizes_of_a_row_share_little_memory_too() {
    let _alone = alone::alone();
    for (sizes, bytes) in LONG_ROWS.into_iter().zip([MIB / 4, MIB / 2]) {
        let before = resident();
        for _ in 0..3 {
            for size in sizes {
                burst(std::iter::repeat_n(size, bytes / size));
            }
        }
        let grown = resident().saturating_sub(before) * 100 / MIB;
        // In the checked build a class begins in the partition of its size.
        let most = if cfg!(feature = "checked") { 80 } else { 66 };
        assert!(grown < most, "{grown} hundredths of a MiB for bursts of {bytes} bytes");
        global::trim();
    }
}

/// Known wrong: memory of a row whose segments have 4 MiB was worth sharing from 512 KiB on.
#[test]
fn a_size_in_use_goes_on_in_little_memory_of_another() {
    const BYTES: usize = 400 << 10;
    let _alone = alone::alone();
    for sizes in LONG_ROWS {
        for size in &sizes[1..] {
            // More than a first slab has: it stays, and its slab in the row with it.
            let staying: Vec<_> = (0..BYTES / 4 / size).map(|_| filled(*size)).collect();
            let before = resident();
            burst(std::iter::repeat_n(sizes[0], BYTES / sizes[0]));
            burst(std::iter::repeat_n(*size, BYTES / size));
            let grown = resident().saturating_sub(before);
            assert!(
                grown < BYTES * 5 / 4,
                "{grown} bytes for bursts of {BYTES}, of blocks of {size}"
            );
            staying.into_iter().for_each(free);
            global::trim();
        }
    }
}

/// Known wrong: a slab that was used in part was filled before others that had become free, so that each had memory behind
/// all of it: 2.8 MiB more after four rounds, from each of which some blocks stay until the end of the next.
#[test]
fn what_was_filled_once_has_no_more_memory_later() {
    let _alone = alone::alone();
    let sizes = [576, 640, 704, 768, 832, 896, 960, 1024];
    let mut staying = Vec::new();
    let mut fill = || {
        let blocks: Vec<_> = (0..2500).flat_map(|_| sizes).map(filled).collect();
        let (others, blocks): (Vec<_>, Vec<_>) =
            blocks.into_iter().enumerate().partition(|(number, _)| number % 400 == 0);
        let before = std::mem::replace(&mut staying, others);
        blocks.into_iter().chain(before).for_each(|(_, block)| free(block));
        resident()
    };
    let before = fill();
    let grown = (0..3).map(|_| fill()).last().unwrap_or_default().saturating_sub(before);
    for (_, block) in staying {
        free(block);
    }
    assert!(grown < MIB, "{} KiB more", grown >> 10);
}
