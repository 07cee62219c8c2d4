//! Keys that frees in C leave in blocks: whoever gets such a block has none in it.
//!
//! A program that never writes to the first word of a block would free it with the key otherwise, and each such free looks
//! for the block among the free ones.

#![cfg(all(
    feature = "libc-malloc",
    not(any(loom, asan, tsan, feature = "fast", feature = "checked", feature = "unlooked"))
))]

use core::ptr::null_mut;

use stratalloc_arena::{AREA_SIZE, global};

/// Blocks of a size, more than a thread keeps at hand: some come from there, others from slabs.
const COUNT: usize = 300;

/// How many blocks have the key that a free leaves in them.
fn with_keys(blocks: &[*mut u8]) -> usize {
    let has_key = |block: &&*mut u8| {
        // SAFETY: a live block of a word at least.
        let word = unsafe { block.cast::<usize>().read() };
        word == block.addr() & !(AREA_SIZE - 1)
    };
    blocks.iter().filter(has_key).count()
}

/// A call of C's that allocates so many bytes.
type Way = fn(usize) -> *mut u8;

#[test]
fn no_block_that_c_gets_has_a_key() {
    let ways: [(&str, Way); 3] = [
        ("malloc", global::allocate_c),
        // SAFETY: no block.
        ("realloc of none", |size| unsafe { global::reallocate_c(null_mut(), size) }),
        ("aligned_alloc", |size| global::allocate_aligned_c(size, 64)),
    ];
    for (name, allocate) in ways {
        for size in [4, 16, 100, 1000] {
            let mut left = 0;
            for _ in 0..3 {
                let blocks: Vec<_> = (0..COUNT).map(|_| allocate(size)).collect();
                assert_eq!(with_keys(&blocks), 0, "{name} of {size} bytes");
                for &block in &blocks {
                    // SAFETY: each is freed once.
                    unsafe { global::deallocate_c(block) };
                }
                left = with_keys(&blocks[COUNT - 1..]);
            }
            assert_eq!(left, 1, "a free leaves a key");
        }
    }
}
