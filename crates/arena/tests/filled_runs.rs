//! Huge pages behind blocks of half a megabyte: where those that were freed were filled.

// The sanitizer looks at no freed block, and in the hardened build each has its pages for itself.
#![cfg(not(any(loom, asan, tsan, feature = "hardened")))]

#[path = "common/filled.rs"]
mod filled;
#[path = "common/huge.rs"]
mod huge;

use filled::{filled, free};
use huge::{asked_for, knows_them};
use stratalloc_arena::{Config, global};

/// Allocates 32 MiB in blocks of some kibibytes, fills them and frees them; returns how many bytes huge pages were asked for
/// behind then.
fn fill(kib: usize) -> usize {
    // Some may have been slow: as if none had.
    Config::new().apply().unwrap();
    let blocks: Vec<_> = (0..32 * 1024 / kib).map(|_| filled(kib << 10)).collect();
    let asked = asked_for();
    blocks.into_iter().for_each(free);
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
    free(live);
}
