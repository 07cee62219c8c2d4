//! Huge pages behind large blocks of a megabyte or more: where those that were freed were filled, and not elsewhere.

// The sanitizer looks at no freed block, and in the hardened build each has its pages for itself.
#![cfg(not(any(loom, asan, tsan, feature = "hardened")))]

#[path = "common/huge.rs"]
mod huge;
#[path = "common/resident.rs"]
mod resident;

use huge::{asked_for, knows_them};
use resident::{MIB, resident};
use stratalloc_arena::{Config, global};

const SIZE: usize = MIB * 3 / 2;

fn allocate(zeroed: bool) -> Vec<*mut u8> {
    let one = if zeroed { global::allocate_zeroed } else { global::allocate };
    let blocks: Vec<_> = (0..40).map(|_| one(SIZE, 8)).collect();
    assert!(blocks.iter().all(|block| !block.is_null()));
    blocks
}

/// Writes to a page in so many of each block.
fn touch(blocks: &[*mut u8], step: usize) {
    for block in blocks {
        // SAFETY: within the block.
        (0..SIZE).step_by(step * 4096).for_each(|at| unsafe { block.add(at).write(1) });
    }
}

fn free(blocks: Vec<*mut u8>) {
    for block in blocks {
        // SAFETY: each is freed once.
        unsafe { global::deallocate(block) };
    }
    global::trim();
}

/// Resident pages for each of 40 blocks, in which a page is touched.
fn pages_each(zeroed: bool) -> usize {
    let before = resident();
    let blocks = allocate(zeroed);
    touch(&blocks, SIZE);
    let pages = resident().saturating_sub(before) / 4096;
    let each = pages.div_ceil(blocks.len());
    free(blocks);
    each
}

/// One test, since huge pages are the process's.
#[test]
fn blocks_come_in_huge_pages_where_those_before_them_were_filled() {
    // Where nothing is live, all memory is unmapped.
    let live = global::allocate(100, 8);
    assert!(pages_each(false) <= 16, "nothing is known");
    assert!(pages_each(false) <= 16, "they weren't filled");
    assert_eq!(asked_for(), 0);
    let blocks = allocate(false);
    touch(&blocks, 1);
    free(blocks);
    // Some may have been slow: as if none had.
    Config::new().apply().unwrap();
    let blocks = allocate(false);
    assert_eq!(asked_for() > 0, knows_them(), "they were filled");
    touch(&blocks, 1);
    free(blocks);
    let before = asked_for();
    let each = pages_each(true);
    assert_eq!(
        asked_for() < before,
        knows_them(),
        "{before} bytes were asked for, and no longer are"
    );
    assert!(each <= 16, "{each} pages where zeroed blocks have the memory of others");
    // One that isn't filled is looked at sooner or later.
    (0..20).for_each(|_| free(vec![global::allocate(SIZE, 8)]));
    let each = pages_each(false);
    assert!(each <= 16, "{each} pages of blocks after some that weren't filled");
    // SAFETY: allocated, and freed once.
    unsafe { global::deallocate(live) };
}
