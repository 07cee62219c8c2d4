//! Threads of a forked child: each has a heap of its own, of those that are there.

#![cfg(not(loom))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/children.rs"]
mod children;
#[path = "common/threads.rs"]
mod threads;

use std::{
    collections::BTreeSet,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use alone::alone;
use children::{Outcome, fork_and_wait};
use stratalloc_arena::global;
use threads::at_once;

/// Threads that ended before the fork, that are lost by it, and that the child starts.
const ENDED: usize = 3;
const LOST: usize = 2;
const STARTED: usize = 8;

/// A block's area.
fn area(block: *mut u8) -> usize {
    block.addr() >> 36
}

/// The area of a new block of the calling thread's, which stays live.
fn own_area() -> usize {
    area(global::allocate(100, 8))
}

/// So many threads at once, each with a block; their areas.
fn areas_of_threads(count: usize) -> Vec<usize> {
    let barrier = Barrier::new(count);
    at_once(count, || {
        let area = own_area();
        barrier.wait();
        area
    })
}

/// The heaps that wait for a thread, and those whose threads the fork lost, serve those that the child starts, one
/// each; the heap of the thread that forked serves none of them.
#[test]
fn no_two_threads_of_a_child_share_a_heap() {
    let _alone = alone();
    let own = own_area();
    areas_of_threads(ENDED + LOST);
    let (ready, end) = (Barrier::new(LOST + 1), Barrier::new(LOST + 1));
    let outcome = thread::scope(|scope| {
        for _ in 0..LOST {
            scope.spawn(|| {
                own_area();
                ready.wait();
                end.wait();
            });
        }
        ready.wait();
        let before = global::stats().areas;
        let outcome = fork_and_wait(20, || {
            let mut areas: BTreeSet<_> = areas_of_threads(STARTED).into_iter().collect();
            areas.insert(own);
            let new = global::stats().areas - before;
            assert_eq!(areas.len(), STARTED + 1, "one each");
            assert!(new <= STARTED - ENDED - LOST, "{new} new ones");
            true
        });
        end.wait();
        outcome
    });
    assert_eq!(outcome, Outcome::Right);
}

/// Threads start and end while others fork: a child finds the list of idle heaps whole, and free.
#[test]
fn a_child_starts_threads_whenever_it_is_forked() {
    let _alone = alone();
    let done = AtomicBool::new(false);
    let wrong = thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    areas_of_threads(2);
                }
            });
        }
        let mut outcomes = (0..40).map(|_| fork_and_wait(20, || areas_of_threads(2).len() == 2));
        let wrong = outcomes.find(|&outcome| outcome != Outcome::Right);
        done.store(true, Ordering::Relaxed);
        wrong
    });
    assert_eq!(wrong, None);
}
