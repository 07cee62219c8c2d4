//! Under `ThreadSanitizer`: threads that write to a block at once are caught, and who hands it over isn't.
//!
//! Run by `cargo xtask sanitize`; without `--cfg tsan` there is nothing here.

#![cfg(tsan)]

#[expect(dead_code, reason = "the child here has one crime")]
mod common;

use std::{ptr, thread};

use common::{Crime, punished};
use stratalloc_block::{BlockLayout, Blocks, Growth, SyncBlockAllocator};
use stratalloc_testkit::System;

fn shared() -> SyncBlockAllocator<System> {
    SyncBlockAllocator::new_in(System, BlockLayout::of::<[u64; 4]>(), Growth::doubling(4, 64))
}

fn write(block: usize) {
    // SAFETY: it is live; whether another thread writes to it is what the sanitizer is to find.
    unsafe { ptr::with_exposed_provenance_mut::<u64>(block).write(7) };
}

const CRIME: Crime = ("two threads write", || {
    let shared = shared();
    let block = shared.alloc_block().unwrap().expose_provenance().get();
    thread::scope(|scope| [(); 2].map(|()| scope.spawn(move || write(block))).map(drop));
});

#[test]
#[ignore = "dies: run by the next test"]
fn child() {
    CRIME.1();
}

#[test]
fn two_threads_that_write_at_once_are_caught() {
    punished("child", &[CRIME], |_, words| words.contains("ThreadSanitizer: data race"));
}

/// A free and the next allocation of the block order what both threads write.
#[test]
fn a_block_that_goes_from_thread_to_thread_is_no_race() {
    let shared = shared();
    let work = || {
        for _ in 0..1000 {
            let block = shared.alloc_block().unwrap();
            write(block.expose_provenance().get());
            // SAFETY: live, and freed once.
            unsafe { shared.free_block(block) };
        }
    };
    // Joined one by one: how a scope waits for its threads, the sanitizer doesn't see.
    thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(work));
        threads.map(|thread| thread.join().unwrap());
    });
}
