//! Models of the lock, and mutants that loom finds.

use std::{boxed::Box, vec::Vec};

use loom::{cell::UnsafeCell, model::Builder, thread};

use super::*;

/// What a lock guards in the models: loom sees every access to it.
type Guarded = Lock<UnsafeCell<usize>>;

fn add_one(lock: &Guarded) {
    // SAFETY: whoever calls holds the lock, which is what loom is to confirm.
    lock.value_of_the_holder().with_mut(|value| unsafe { *value += 1 });
}

impl Guarded {
    fn value_of_the_holder(&self) -> &UnsafeCell<usize> {
        // SAFETY: a shared reference to a cell of loom's, which watches over its use.
        unsafe { &*self.value.get() }
    }
}

/// `threads` threads add one each, and `unlock` as given; the sum is theirs.
fn sum(threads: usize, lock: fn(&Guarded, Mark), unlock: fn(&Guarded)) {
    let mut model = Builder::new();
    // Three threads in all their orders would take hours.
    model.preemption_bound = (threads > 2).then_some(2);
    model.check(move || {
        // Never freed: where a mutant is stuck, loom can't be asked to any more.
        let guarded: &Guarded = Box::leak(Box::new(Lock::new(UnsafeCell::new(0))));
        let add = move |guarded: &Guarded, number: usize| {
            lock(guarded, Mark::new(number * 8));
            add_one(guarded);
            unlock(guarded);
        };
        let others: Vec<_> =
            (1..threads).map(|number| thread::spawn(move || add(guarded, number))).collect();
        add(guarded, threads);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(guarded.word.load(Ordering::Relaxed), 0);
        // SAFETY: the other threads are gone.
        let sum = guarded.value_of_the_holder().with(|value| unsafe { *value });
        assert_eq!(sum, threads);
    });
}

fn lock(guarded: &Guarded, mark: Mark) {
    core::mem::forget(guarded.lock(mark));
}

#[test]
fn loom_one_holder_at_a_time_and_nobody_sleeps_for_ever() {
    sum(2, lock, Lock::unlock);
}

#[test]
fn loom_of_three_nobody_sleeps_for_ever() {
    sum(3, lock, Lock::unlock);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_finds_the_mutant_that_unlocks_relaxed() {
    sum(2, lock, |lock| {
        if lock.word.swap(0, Ordering::Relaxed) & WAITED_FOR != 0 {
            lock.wake_one();
        }
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_finds_the_mutant_that_wakes_nobody() {
    sum(2, lock, |lock| lock.word.store(0, Ordering::Release));
}

/// Whether somebody sleeps is looked at before the lock is free: who comes in between sleeps on.
#[test]
#[should_panic(expected = "deadlock")]
fn loom_finds_the_mutant_that_looks_for_sleepers_too_early() {
    sum(2, lock, |lock| {
        let waited_for = lock.word.load(Ordering::Relaxed) & WAITED_FOR != 0;
        lock.word.store(0, Ordering::Release);
        if waited_for {
            lock.wake_one();
        }
    });
}

/// Who slept takes the lock as if nobody else did: the third thread isn't woken.
#[test]
#[should_panic(expected = "deadlock")]
fn loom_finds_the_mutant_that_forgets_other_sleepers() {
    let lock = |guarded: &Guarded, mark: Mark| {
        while !guarded.take(mark, HELD) {
            guarded.sleep();
        }
    };
    sum(3, lock, Lock::unlock);
}

/// A fork takes the lock whoever holds it, waits for him, and gives it back as a guard would.
#[test]
fn loom_a_fork_holds_the_lock() {
    let fork = |guarded: &Guarded, mark: Mark| {
        // Neither thread holds it as it forks.
        assert!(guarded.lock_for_fork(mark));
    };
    // SAFETY: taken for a fork.
    sum(2, fork, |guarded| unsafe { guarded.unlock_forked() });
}

/// A failed attempt leaves the lock alone.
#[test]
fn loom_attempts_fail_or_hold() {
    sum(
        2,
        |guarded, mark| {
            if let Some(guard) = guarded.try_lock(mark) {
                drop(guard);
            }
            lock(guarded, mark);
        },
        Lock::unlock,
    );
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_finds_the_mutant_whose_failed_attempt_unlocks() {
    sum(
        2,
        |guarded, mark| {
            if guarded.try_lock(mark).is_none() {
                guarded.unlock();
            }
            lock(guarded, mark);
        },
        Lock::unlock,
    );
}
