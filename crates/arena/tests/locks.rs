//! Locks that a thread of high priority waits for, and those that a fork finds held.

#![cfg(not(loom))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/children.rs"]
mod children;
#[path = "common/threads.rs"]
mod threads;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use alone::alone;
use children::{Outcome, fork_and_wait};
use stratalloc_arena::{ArenaHeap, global};
use stratalloc_pages::{
    kernel::{alloc_blocks, free_blocks},
    lock::{Lock, Mark},
};
use threads::beside;

const FORKS: usize = 40;

/// Has the calling thread run on the first processor alone.
fn stay_on_the_first_processor() {
    // SAFETY: all zero is a set without processors.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(0, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &raw const set);
    }
}

/// Has the calling thread run before all that aren't urgent; returns whether it may.
fn become_urgent() -> bool {
    let priority = libc::sched_param { sched_priority: 50 };
    // SAFETY: the parameters are readable.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const priority) == 0 }
}

/// An urgent thread waits for a lock whose holder is an ordinary thread on the same processor. If it only
/// yielded, the holder would never run again.
#[test]
fn an_urgent_thread_lets_the_holder_go_on() {
    let _alone = alone();
    let outcome = fork_and_wait(20, || {
        let lock = Lock::new(());
        let is_held = AtomicBool::new(false);
        let hold = |_| {
            stay_on_the_first_processor();
            let _guard = lock.lock(Mark::new(8));
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(300) {
                is_held.store(true, Ordering::Relaxed);
            }
        };
        beside(1, hold, || {
            stay_on_the_first_processor();
            while !is_held.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(1));
            }
            // Where it may not be urgent, nothing is shown.
            let urgent = become_urgent();
            let start = processor_time();
            drop(lock.lock(Mark::new(16)));
            !urgent || processor_time() < start + Duration::from_millis(100)
        })
    });
    assert_eq!(outcome, Outcome::Right);
}

/// The processor's time that the calling thread has had.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time is written to.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.try_into().unwrap_or(0))
}

/// Forks while other threads do something again and again; each child finds all well.
fn fork_meanwhile(again: impl Fn() + Sync, child: impl Fn() -> bool) {
    let _alone = alone();
    let done = AtomicBool::new(false);
    let wrong = thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    again();
                }
            });
        }
        let mut outcomes = (0..FORKS).map(|_| fork_and_wait(20, &child));
        let wrong = outcomes.find(|&outcome| outcome != Outcome::Right);
        done.store(true, Ordering::Relaxed);
        wrong
    });
    assert_eq!(wrong, None);
}

#[test]
fn no_new_arena_heap_is_locked_in_a_child() {
    fork_meanwhile(
        || {
            let heaps: Vec<_> = (0..12).map(|_| ArenaHeap::new()).collect();
            assert!(heaps.iter().all(Result::is_ok));
        },
        || {
            let heap = ArenaHeap::new();
            heap.is_ok() && global::stats().areas > 0
        },
    );
}

#[test]
fn the_page_kernel_is_free_in_a_child() {
    let take_and_give = || {
        let run = alloc_blocks(3);
        // SAFETY: the run is ours.
        unsafe { free_blocks(run) };
        !run.is_null()
    };
    fork_meanwhile(|| assert!(take_and_give()), take_and_give);
}
