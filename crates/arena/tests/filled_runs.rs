//! Huge pages behind blocks of half a megabyte: where those that were freed were filled.

// The sanitizer looks at no freed block, and in the hardened build each has its pages for itself.
#![cfg(not(any(loom, asan, tsan, feature = "hardened")))]

#[path = "common/huge.rs"]
mod huge;

use huge::{asked_for, knows_them};
use stratalloc_arena::{Config, global};

/// Allocates 32 MiB in blocks of some kibibytes, fills them and frees them; returns how many bytes huge pages were asked for
/// behind then.
fn fill(kib: usize) -> usize {
    // Some may have been slow: as if none had.
    Config::new().apply().unwrap();
    let blocks: Vec<_> = (0..32 * 1024 / kib).map(|_| global::allocate(kib << 10, 8)).collect();
    for block in &blocks {
        assert!(!block.is_null());
        // SAFETY: within the block.
        unsafe { block.write_bytes(1, kib << 10) };
    }
    let asked = asked_for();
    for block in blocks {
        // SAFETY: each is freed once.
        unsafe { global::deallocate(block) };
    }
    global::trim();
    asked
}

/// One test, since huge pages are the process's.
#[test]
fn runs_share_huge_pages_where_those_before_them_were_filled() {
    // Where nothing is live, all memory is unmapped.
    let live = global::allocate(100, 8);
    assert_eq!(fill(600), 0, "nothing is known");
    let asked = fill(600);
    // Where they are slow, no more are asked for after three.
    let least = if knows_them() { 6 << 20 } else { 0 };
    assert!(asked >= least, "{asked} bytes of 32 MiB");
    // SAFETY: allocated, and freed once.
    unsafe { global::deallocate(live) };
}
