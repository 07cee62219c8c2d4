//! Under `AddressSanitizer`: whoever touches a free block is caught in the act.
//!
//! Run by `cargo xtask sanitize`; without `--cfg asan` there is nothing here.

#![cfg(asan)]

#[path = "../../block/tests/common/mod.rs"]
mod common;

use std::{alloc::Layout, thread};

use common::{Crime, commit, punished};
use stratalloc_arena::{ArenaHeap, global};
use stratalloc_core::Allocator;

/// Reads a byte of a block that was freed.
fn read_after_free(size: usize, at: usize) {
    let block = global::allocate(size, 8);
    // SAFETY: the last is wrong, which the sanitizer is to find.
    unsafe {
        block.write_bytes(7, size);
        global::deallocate(block);
        eprintln!("read {}", block.add(at).read_volatile());
    }
}

/// Reads a byte of a block that another thread freed, before its owner knows.
fn read_after_remote_free() {
    let block = global::allocate(100, 8);
    let address = block.expose_provenance();
    let free = move || {
        // SAFETY: live; freed once.
        unsafe { global::deallocate(std::ptr::with_exposed_provenance_mut(address)) }
    };
    thread::spawn(free).join().unwrap();
    // SAFETY: it is wrong, which the sanitizer is to find.
    unsafe { eprintln!("read {}", block.add(50).read_volatile()) }
}

/// Writes behind a block, to where one lies that isn't handed out.
fn overrun() {
    let block = global::allocate(5000, 8);
    // SAFETY: it is wrong, which the sanitizer is to find.
    unsafe { block.add(global::usable_size(block)).write_volatile(1) }
}

/// Reads where a block was that shrank in place.
fn read_after_shrinking() {
    let block = global::allocate(5 << 20, 8);
    // SAFETY: the last is wrong, which the sanitizer is to find.
    unsafe {
        assert_eq!(global::reallocate(block, 3 << 20, 8), block);
        eprintln!("read {}", block.add(4 << 20).read_volatile());
    }
}

/// Reads a block of an arena heap that was reset.
fn read_after_reset(size: usize) {
    let mut heap = ArenaHeap::new().unwrap();
    let block = heap.allocate(Layout::from_size_align(size, 8).unwrap()).unwrap().cast::<u8>();
    heap.reset();
    // SAFETY: it is wrong, which the sanitizer is to find.
    unsafe { eprintln!("read {}", block.read_volatile()) }
}

const CRIMES: [Crime; 9] = [
    ("small: first byte", || read_after_free(100, 0)),
    ("small: last byte", || read_after_free(100, 99)),
    ("run", || read_after_free(100_000, 99_999)),
    ("whole", || read_after_free(5 << 20, 3 << 20)),
    ("remote", read_after_remote_free),
    ("overrun", overrun),
    ("shrunk", read_after_shrinking),
    ("reset: small", || read_after_reset(100)),
    ("reset: large", || read_after_reset(3 << 20)),
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

/// What was poisoned comes back clean to its next user, whatever its size.
#[test]
fn memory_that_is_reused_is_clean() {
    for size in [100_000, 40, 5 << 20, 3000, 70_000, 20_000, 300_000].repeat(4) {
        let count = (8 << 20) / size;
        let blocks: Vec<_> = (0..count).map(|_| global::allocate_zeroed(size, 8)).collect();
        for block in blocks {
            // SAFETY: live; freed once.
            unsafe {
                block.write_bytes(1, global::usable_size(block));
                let block = global::reallocate(block, size + size / 3, 8);
                block.write_bytes(2, size + size / 3);
                global::deallocate(block);
            }
        }
        global::trim();
    }
}
