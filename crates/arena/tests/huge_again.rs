//! Huge pages are no longer asked for where memory went back: the system would bring all of it again, sooner or later.

// The sanitizer looks at no freed block, and in the hardened build each has its pages for itself.
#![cfg(not(any(loom, asan, tsan, feature = "hardened")))]

#[path = "common/filled.rs"]
mod filled;
#[path = "common/half_empty.rs"]
mod half_empty;
#[path = "common/huge.rs"]
mod huge;
#[path = "common/unasked.rs"]
mod unasked;

use filled::{filled, free};
use half_empty::half_empty;
use huge::{asked_for, knows_them};
use stratalloc_arena::{Config, global};

/// Some huge pages may have been slow: as if none had.
fn forget_slow_ones() {
    Config::new().apply().unwrap();
}

/// So many blocks, all of which were written to.
fn many(size: usize, count: usize) -> Vec<*mut u8> {
    let one = |number| {
        if number % (1 + (8 << 20) / size) == 0 {
            forget_slow_ones();
        }
        filled(size)
    };
    (0..count).map(one).collect()
}

/// Frees blocks, and gives memory back.
fn free_all(blocks: Vec<*mut u8>) {
    blocks.into_iter().for_each(free);
    global::trim();
}

/// Frees all blocks but one in so many, and gives memory back; returns those that stay.
fn thin(blocks: Vec<*mut u8>, step: usize) -> Vec<*mut u8> {
    let (left, freed): (Vec<_>, Vec<_>) =
        blocks.into_iter().enumerate().partition(|(number, _)| number % step == 0);
    free_all(freed.into_iter().map(|(_, block)| block).collect());
    left.into_iter().map(|(_, block)| block).collect()
}

/// Gives each block so many bytes, and writes to all of them.
fn resize(blocks: &mut [*mut u8], size: usize) {
    for block in blocks {
        forget_slow_ones();
        // SAFETY: it is live.
        *block = unsafe { global::reallocate(*block, size, 8) };
        assert!(!block.is_null());
        // SAFETY: within the block.
        unsafe { block.write_bytes(1, size) };
    }
}

/// At either end of what is in use, a huge page that the system doesn't have may be half empty.
fn stays_away(beside: *mut u8, what: &str) {
    let bytes = half_empty(beside);
    assert!(bytes <= 4 << 20, "{} KiB would come back behind {what}", bytes >> 10);
}

/// One test, since huge pages are the process's.
#[test]
fn none_are_asked_for_where_memory_went_back() {
    // Where nothing is live, all memory is unmapped.
    let live = global::allocate(100, 8);
    let small = many(512, 128 << 11);
    assert_eq!(asked_for() > 8 << 20, knows_them(), "behind 128 MiB in small blocks");
    let small = thin(small, 1 << 10);
    stays_away(live, "small blocks, of which one in 1,024 is left");
    free_all(small);

    // What lies in the arena of memory that went back, and has its own still, keeps them.
    let mut medium = many(30_000, 6_000);
    let before = asked_for();
    free_all(medium.split_off(3_000));
    let lost = before.saturating_sub(asked_for());
    assert!(lost <= 16 << 20, "{lost} bytes of {before}, though what is left lies together");
    stays_away(live, "blocks of 30,000 bytes, of which the first half is left");
    free_all(medium);

    free_all(many(600 << 10, 50));
    let runs = many(600 << 10, 100);
    assert_eq!(asked_for() >= 6 << 20, knows_them(), "behind blocks of 600 KiB");
    let runs = thin(runs, 5);
    stays_away(live, "blocks of 600 KiB, of which one in five is left");
    free_all(runs);

    // Blocks that grow have segments of 8 MiB.
    let mut large = many(1 << 20, 10);
    for size in [2, 4, 8, 16, 9] {
        resize(&mut large, size << 20);
        let are_asked_for = size == 16 && knows_them();
        assert!(!are_asked_for || asked_for() >= 2 << 20, "behind blocks of 16 MiB");
    }
    global::trim();
    stays_away(live, "blocks of 16 MiB that shrank to nine");
    large.into_iter().chain([live]).for_each(free);
}
