//! The first use of the process, by a thread while another one forks: the child finds no lock held.
//!
//! Handlers that are noted while a fork runs others are not run by it.

#![cfg(not(loom))]

#[path = "common/children.rs"]
mod children;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use children::{Outcome, fork_and_wait};
use stratalloc_arena::{ArenaHeap, global};
use stratalloc_pages::kernel::{alloc_blocks, free_blocks};

/// Processes that begin anew: a fork finds a lock held now and then.
const PROCESSES: usize = 8;
/// Uses that the fork waits for.
const USES: usize = 200;

/// Uses so far, from when the fork under way lets them begin; before that, [`NOT_YET`].
static USED: AtomicUsize = AtomicUsize::new(NOT_YET);
const NOT_YET: usize = usize::MAX;

/// A handler of a fork, which is noted before there is any use.
unsafe extern "C" fn let_the_other_begin() {
    USED.store(0, Ordering::SeqCst);
    // Where the C library keeps others from noting handlers meanwhile, they come no further.
    let start = Instant::now();
    while USED.load(Ordering::SeqCst) < USES && start.elapsed() < Duration::from_secs(1) {
        thread::yield_now();
    }
}

/// A new process, in which a fork comes in the midst of another thread's first uses.
fn fork_in_the_midst(act: fn()) -> Outcome {
    fork_and_wait(60, || {
        // SAFETY: the handler is a function.
        unsafe { libc::pthread_atfork(Some(let_the_other_begin), None, None) };
        thread::spawn(move || {
            while USED.load(Ordering::SeqCst) == NOT_YET {
                thread::yield_now();
            }
            loop {
                act();
                USED.fetch_add(1, Ordering::SeqCst);
            }
        });
        fork_and_wait(20, || {
            act();
            true
        }) == Outcome::Right
    })
}

fn page_kernel() {
    let run = alloc_blocks(3);
    assert!(!run.is_null());
    // SAFETY: the run is ours.
    unsafe { free_blocks(run) };
}

fn large_block() {
    let block = global::allocate(1 << 20, 8);
    assert!(!block.is_null());
    // SAFETY: the block is ours.
    unsafe { global::deallocate(block) };
}

fn arena_heap() {
    drop(ArenaHeap::new().unwrap());
}

/// One test: the children start threads, and std's own locks aren't taken by a fork.
#[test]
fn a_fork_in_the_midst_of_the_first_uses_leaves_no_lock_held() {
    for (name, act) in
        [("page kernel", page_kernel as fn()), ("large block", large_block), ("heap", arena_heap)]
    {
        for _ in 0..PROCESSES {
            assert_eq!(fork_in_the_midst(act), Outcome::Right, "{name}");
        }
    }
}
