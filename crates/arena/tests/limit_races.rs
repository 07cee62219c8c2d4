//! The limit, set and taken away while other threads allocate, are refused and fork.

#![cfg(not(loom))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/children.rs"]
mod children;
#[path = "common/threads.rs"]
mod threads;

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use alone::alone;
use children::{Outcome, fork_and_wait};
use stratalloc_arena::{global, limit};
use threads::beside;

const GIB: usize = 1 << 30;

/// How many of so many blocks are there; all are freed again.
fn served(count: usize, size: usize) -> usize {
    let blocks: Vec<_> = (0..count).map(|_| global::allocate(size, 8)).collect();
    let served = blocks.iter().filter(|block| !block.is_null()).count();
    for block in blocks {
        // SAFETY: null, or live and freed once.
        unsafe { global::deallocate(block) };
    }
    served
}

/// Does something again and again in another thread for as long as `act` runs.
fn meanwhile<T>(again: impl Fn() + Sync, act: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    let until_then = |_| {
        while !done.load(Ordering::Relaxed) {
            again();
        }
    };
    beside(1, until_then, || {
        let result = act();
        done.store(true, Ordering::Relaxed);
        result
    })
}

/// In a process of its own: a thread that waits for itself can't be ended otherwise.
#[test]
fn a_limit_that_comes_and_goes_stops_nobody() {
    let _alone = alone();
    let outcome = fork_and_wait(30, || {
        let rounds = AtomicUsize::new(0);
        meanwhile(
            || {
                limit::set(Some(GIB)).unwrap();
                limit::set(None).unwrap();
            },
            || {
                meanwhile(
                    || {
                        served(400, 512);
                        rounds.fetch_add(1, Ordering::Relaxed);
                    },
                    || {
                        let start = Instant::now();
                        while start.elapsed() < Duration::from_secs(8) {
                            assert_eq!(served(400, 512), 400);
                        }
                    },
                );
            },
        );
        rounds.load(Ordering::Relaxed) > 0
    });
    assert_eq!(outcome, Outcome::Right);
}

#[test]
fn a_refused_request_makes_no_other_fail() {
    let _alone = alone();
    limit::set(Some(GIB)).unwrap();
    let refused = AtomicUsize::new(0);
    let failed = meanwhile(
        || {
            assert!(global::allocate(5 * GIB, 8).is_null());
            refused.fetch_add(1, Ordering::Relaxed);
        },
        || {
            let start = Instant::now();
            let mut failed = 0;
            while start.elapsed() < Duration::from_secs(2) {
                failed += 1000 - served(1000, 512);
            }
            failed
        },
    );
    limit::set(None).unwrap();
    assert!(refused.into_inner() > 0);
    assert_eq!(failed, 0);
}

#[test]
fn a_child_forked_during_a_refusal_has_all_of_the_limit() {
    let _alone = alone();
    limit::set(Some(GIB)).unwrap();
    let outcomes: Vec<_> = meanwhile(
        || assert!(global::allocate(5 * GIB, 8).is_null()),
        || (0..200).map(|_| fork_and_wait(60, || served(100, 20 << 10) == 100)).collect(),
    );
    limit::set(None).unwrap();
    assert_eq!(outcomes.iter().position(|&outcome| outcome != Outcome::Right), None);
}

/// A thread that the child lacks had a block granted, or was about to get it: the child counts what is there.
#[test]
fn a_child_counts_no_block_that_its_parent_was_about_to_get() {
    const HUGE: usize = 5 * GIB;

    let _alone = alone();
    limit::set(Some(6 * GIB)).unwrap();
    let without = limit::held();
    let outcomes: Vec<_> = meanwhile(
        || assert_eq!(served(1, HUGE), 1),
        || {
            let count = || {
                let huge = global::stats().huge;
                limit::held() < without + huge + GIB / 4
            };
            (0..300).map(|_| fork_and_wait(60, count)).collect()
        },
    );
    limit::set(None).unwrap();
    assert_eq!(outcomes.iter().position(|&outcome| outcome != Outcome::Right), None);
}
