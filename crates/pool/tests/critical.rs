//! Pools that critical sections share.

#![cfg(feature = "critical-section")]

use std::{
    panic,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use stratalloc_core::diag;
use stratalloc_pool::{Config, CriticalSectionLock, Exclusion, StaticPool};

type Pool = StaticPool<CriticalSectionLock, 4096>;

static A: Pool = StaticPool::new(Config::new(&[16, 64]));
static B: Pool = StaticPool::new(Config::new(&[16, 64]));

/// One thread works on one pool within its work on another, while a second one works on the inner pool.
#[test]
fn a_section_within_another_keeps_others_out_to_its_end() {
    const ROUNDS: usize = 4_000;
    let at_work = AtomicUsize::new(0);
    let use_b = || {
        B.with(|pool| {
            assert_eq!(at_work.fetch_add(1, Relaxed), 0, "two at the same time");
            let block = pool.malloc(16).unwrap();
            // SAFETY: the block is ours, and not used again.
            assert_eq!(unsafe { pool.free(block) }, Ok(()));
            at_work.fetch_sub(1, Relaxed);
        });
    };
    thread::scope(|scope| {
        scope.spawn(|| (0..ROUNDS).for_each(|_| use_b()));
        for _ in 0..ROUNDS {
            A.with(|_| use_b());
            use_b();
        }
    });
    assert!(B.with(|pool| pool.validate().is_ok()));
}

#[test]
fn work_that_unwinds_lets_the_next_one_in() {
    let lock = CriticalSectionLock::NEW;
    let unwinding = || lock.exclude(|| panic!("on purpose"));
    assert!(panic::catch_unwind(panic::AssertUnwindSafe(unwinding)).is_err());
    assert_eq!(lock.exclude(|| 7), 7);
}

#[test]
fn work_within_work_on_the_same_is_fatal() {
    // SAFETY: below it is nothing that is in the middle of a change.
    unsafe { diag::set_abort(|| panic!("the process ends")) };
    let lock = CriticalSectionLock::NEW;
    let within = || lock.exclude(|| lock.exclude(|| ()));
    assert!(panic::catch_unwind(panic::AssertUnwindSafe(within)).is_err());
}
