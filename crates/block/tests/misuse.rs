//! Misuse ends the process with one line, in debug builds and with feature `checked`.

#![cfg(all(any(debug_assertions, feature = "checked"), not(miri)))]

mod common;
#[path = "common/pools.rs"]
mod pools;

use std::{mem::MaybeUninit, ptr::NonNull};

use common::{Crime, commit, punished};
use pools::{SIZE, local, shared};
use stratalloc_block::Blocks;

/// Frees something, rightly or wrongly.
fn free(pool: &impl Blocks, block: NonNull<u8>) {
    // SAFETY: it may be wrong, which the pool is to find.
    unsafe { pool.free_block(block) };
}

fn free_twice(pool: &impl Blocks) {
    let block = pool.alloc_block().unwrap();
    free(pool, block);
    free(pool, block);
}

/// The block that is freed twice is not the last one freed.
fn free_twice_later(pool: &impl Blocks) {
    let blocks = [0; 3].map(|_| pool.alloc_block().unwrap());
    for block in blocks {
        free(pool, block);
    }
    free(pool, blocks[0]);
}

fn free_foreign(pool: &impl Blocks) {
    let _live = pool.alloc_block().unwrap();
    let mut foreign = [MaybeUninit::<u64>::uninit(); SIZE / 8];
    free(pool, NonNull::from(&mut foreign).cast());
}

fn free_interior(pool: &impl Blocks) {
    let block = pool.alloc_block().unwrap();
    // SAFETY: within the block.
    free(pool, unsafe { block.add(16) });
}

const CRIMES: [Crime; 12] = [
    ("local: double", || free_twice(&local())),
    ("local: late double", || free_twice_later(&local())),
    ("local: foreign", || free_foreign(&local())),
    ("local: interior", || free_interior(&local())),
    ("shared: double", || free_twice(&shared())),
    ("shared: late double", || free_twice_later(&shared())),
    ("shared: foreign", || free_foreign(&shared())),
    ("shared: interior", || free_interior(&shared())),
    ("magazine: double", || free_twice(&shared().magazine())),
    ("magazine: late double", || free_twice_later(&shared().magazine_of::<2>())),
    ("magazine: foreign", || free_foreign(&shared().magazine())),
    ("magazine: interior", || free_interior(&shared().magazine())),
];

#[test]
#[ignore = "dies: run by the next test"]
fn child() {
    commit(&CRIMES);
}

#[test]
fn a_bad_free_ends_the_process_with_one_line() {
    punished("child", &CRIMES, |crime, words| {
        let verdict = match crime.rsplit(' ').next() {
            Some("double") => "the block is free already",
            Some("foreign") => "the address is foreign to this allocator",
            _ => "no block starts at the address",
        };
        let reports: Vec<_> =
            words.lines().filter(|line| line.starts_with("stratalloc: ")).collect();
        reports.len() == 1
            && reports[0].starts_with("stratalloc: free of 0x")
            && reports[0].ends_with(&format!("blocks of {SIZE} bytes: {verdict}"))
    });
}

/// Overwrites the links in free blocks: with what a program would write, or with a likely address. More
/// blocks than a shelf or a magazine holds, for whose links it is.
fn write_after_free(pool: &impl Blocks, value: impl Fn(NonNull<u8>) -> usize) {
    let blocks = [0; 100].map(|_| pool.alloc_block().unwrap());
    for block in blocks {
        free(pool, block);
    }
    for block in &blocks[1..] {
        // SAFETY: it is wrong, but within the chunk.
        unsafe { block.cast().write(value(blocks[0])) };
    }
    for _ in blocks {
        let _ = pool.alloc_block();
    }
}

/// What a program would write.
const ZERO: fn(NonNull<u8>) -> usize = |_| 0;

/// A likely address.
const ADDRESS: fn(NonNull<u8>) -> usize = |block| block.addr().get();

const OVERWRITES: [Crime; 6] = [
    ("local: zero", || write_after_free(&local(), ZERO)),
    ("local: an address", || write_after_free(&local(), ADDRESS)),
    ("shared: zero", || write_after_free(&shared(), ZERO)),
    ("shared: an address", || write_after_free(&shared(), ADDRESS)),
    ("magazine: zero", || write_after_free(&shared().magazine_of::<4>(), ZERO)),
    ("magazine: an address", || write_after_free(&shared().magazine_of::<4>(), ADDRESS)),
];

#[test]
#[ignore = "dies: run by the next test"]
fn writing_child() {
    commit(&OVERWRITES);
}

#[test]
#[cfg(not(asan))] // Which reports the write before we could.
fn a_write_to_a_free_block_ends_the_process_when_it_is_reused() {
    punished("writing_child", &OVERWRITES, |_, words| {
        words.contains("stratalloc: write to 0x") && words.contains("a free block of 48 bytes\n")
    });
}
