//! Under `ThreadSanitizer`: threads that write to a block at once are caught, and who hands it over isn't.
//!
//! Run by `cargo xtask sanitize`; without `--cfg tsan` there is nothing here.

#![cfg(tsan)]

#[expect(dead_code, reason = "the child here has one crime")]
#[path = "../../block/tests/common/mod.rs"]
mod common;

use std::{ptr, sync::mpsc, thread};

use common::{Crime, punished};
use stratalloc_arena::global;

fn write(block: usize) {
    // SAFETY: it is live; whether another thread writes to it is what the sanitizer is to find.
    unsafe { ptr::with_exposed_provenance_mut::<u64>(block).write(7) };
}

const CRIME: Crime = ("two threads write", || {
    let block = global::allocate(100, 8).expose_provenance();
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

/// A remote free, and the allocation that reuses the block, order what both threads write.
#[test]
fn a_block_that_another_thread_frees_is_no_race() {
    let (sender, blocks) = mpsc::channel::<usize>();
    let free = thread::spawn(move || {
        for block in blocks {
            write(block);
            // SAFETY: live, and freed once.
            unsafe { global::deallocate(ptr::with_exposed_provenance_mut(block)) };
        }
    });
    for _ in 0..20_000 {
        let block = global::allocate(100, 8).expose_provenance();
        write(block);
        sender.send(block).unwrap();
    }
    drop(sender);
    free.join().unwrap();
}
