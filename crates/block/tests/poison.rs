//! Under `AddressSanitizer`: free blocks are poisoned, so a touch of one is reported at once.
//!
//! Run by `cargo xtask sanitize`; without `--cfg asan` there is nothing here.

#![cfg(asan)]

mod common;
#[path = "common/pools.rs"]
mod pools;

use common::{Crime, commit, punished};
use pools::{SIZE, layout, local, shared};
use stratalloc_block::{BlockAllocator, Blocks};

/// Reads a byte of a block that was freed, wherever in it the byte lies.
fn read_after_free(pool: &impl Blocks, at: usize) {
    let block = pool.alloc_block().unwrap();
    // SAFETY: the last is wrong, which the sanitizer is to find.
    unsafe {
        block.write_bytes(7, SIZE);
        pool.free_block(block);
        eprintln!("read {}", block.add(at).read_volatile());
    }
}

/// Writes behind a block, to where one lies that was never handed out.
fn overrun(pool: &impl Blocks) {
    let block = pool.alloc_block().unwrap();
    // SAFETY: it is wrong, which the sanitizer is to find.
    unsafe { block.add(SIZE).write_volatile(1) };
}

const CRIMES: [Crime; 8] = [
    ("local: first byte", || read_after_free(&local(), 0)),
    ("local: last byte", || read_after_free(&local(), SIZE - 1)),
    ("local: overrun", || overrun(&local())),
    ("shared: first byte", || read_after_free(&shared(), 0)),
    ("shared: last byte", || read_after_free(&shared(), SIZE - 1)),
    ("shared: overrun", || overrun(&shared())),
    ("magazine: first byte", || read_after_free(&shared().magazine(), 0)),
    ("magazine: last byte", || read_after_free(&shared().magazine(), SIZE - 1)),
];

#[test]
#[ignore = "dies: run by the next test"]
fn child() {
    commit(&CRIMES);
}

#[test]
fn a_use_after_free_is_caught_where_it_happens() {
    punished("child", &CRIMES, |_, words| words.contains("AddressSanitizer: use-after-poison"));
}

/// What was poisoned comes back clean: to its next user, and to the base.
#[test]
fn a_block_that_is_reused_is_clean() {
    let mut memory = vec![0_u64; 1000];
    for _ in 0..2 {
        // SAFETY: any bytes are a buffer's.
        let buffer = unsafe { memory.align_to_mut().1 };
        let pool = BlockAllocator::from_buffer(buffer, layout()).unwrap();
        for _ in 0..3 {
            let block = pool.alloc_block().unwrap();
            // SAFETY: the block is live, and freed once.
            unsafe {
                block.write_bytes(7, SIZE);
                pool.free_block(block);
            }
        }
    }
    assert!(memory.iter().any(|&word| word != 0));
}
