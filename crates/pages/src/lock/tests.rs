//! Models of the lock, and mutants that loom finds.

use std::{boxed::Box, vec::Vec};

use loom::{cell::UnsafeCell, thread};
use stratalloc_core::sync::model_within;

use super::*;

/// What a lock guards in the models: loom sees every access to it.
type Guarded = Lock<UnsafeCell<usize>>;

fn add_one(lock: &Guarded) {
    // SAFETY: the caller holds the lock, which is what loom is to confirm.
    lock.value_of_the_holder().with_mut(|value| unsafe { *value += 1 });
}

impl Guarded {
    fn value_of_the_holder(&self) -> &UnsafeCell<usize> {
        // SAFETY: a shared reference to a cell of loom's, which watches over its use.
        unsafe { &*self.value.get() }
    }
}

/// How a thread takes the lock, and how it gives it back.
type Hold = (fn(&Guarded, Mark), fn(&Guarded));

/// As guards do.
const PLAIN: Hold = (lock, Lock::unlock);

/// As a fork does, of a thread that doesn't hold the lock.
const FORK: Hold = (
    |guarded, mark| assert!(guarded.lock_for_fork(mark)),
    // SAFETY: taken for a fork.
    |guarded| unsafe { guarded.unlock_forked() },
);

/// A thread for each hold adds one; the sum is theirs. The last begins, and starts the others.
fn sum<const THREADS: usize>(least: usize, holds: [Hold; THREADS]) {
    // Three threads in all their orders would take hours.
    let preemptions = (THREADS > 2).then_some(2);
    model_within(preemptions, least, move || {
        // Never freed: where a mutant is stuck, loom can't be asked to any more.
        let guarded: &Guarded = Box::leak(Box::new(Lock::new(UnsafeCell::new(0))));
        let add = move |guarded: &Guarded, number: usize| {
            let (lock, unlock) = holds[number];
            lock(guarded, Mark::new((number + 1) * 8));
            add_one(guarded);
            unlock(guarded);
        };
        let others: Vec<_> =
            (0..THREADS - 1).map(|number| thread::spawn(move || add(guarded, number))).collect();
        add(guarded, THREADS - 1);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(guarded.word.load(Ordering::Relaxed), 0);
        // SAFETY: the other threads are gone.
        let sum = guarded.value_of_the_holder().with(|value| unsafe { *value });
        assert_eq!(sum, THREADS);
    });
}

fn lock(guarded: &Guarded, mark: Mark) {
    core::mem::forget(guarded.lock(mark));
}

/// Shows that two threads exclude each other and see each other's changes, in the interleavings that loom tells
/// apart; not that nobody waits longer than others.
#[test]
fn loom_one_holder_at_a_time_and_nobody_sleeps_for_ever() {
    sum(130, [PLAIN; 2]);
}

/// Shows that of several sleepers none is forgotten; but with two changes of threads at most that aren't waits.
#[test]
fn loom_of_three_nobody_sleeps_for_ever() {
    sum(8900, [PLAIN; 3]);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_finds_the_mutant_that_unlocks_relaxed() {
    let unlock = |lock: &Guarded| {
        if lock.word.swap(0, Ordering::Relaxed) & WAITED_FOR != 0 {
            lock.wake_one();
        }
    };
    sum(0, [(lock, unlock); 2]);
}

#[test]
#[should_panic(expected = "deadlock")]
fn loom_finds_the_mutant_that_wakes_nobody() {
    sum(0, [(lock, |lock| lock.word.store(0, Ordering::Release)); 2]);
}

/// A thread that unlocks looks for sleepers before the lock is free: one that comes in between sleeps on.
#[test]
#[should_panic(expected = "deadlock")]
fn loom_finds_the_mutant_that_looks_for_sleepers_too_early() {
    let unlock = |lock: &Guarded| {
        let waited_for = lock.word.load(Ordering::Relaxed) & WAITED_FOR != 0;
        lock.word.store(0, Ordering::Release);
        if waited_for {
            lock.wake_one();
        }
    };
    sum(0, [(lock, unlock); 2]);
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
    sum(0, [(lock, Lock::unlock); 3]);
}

/// A fork takes the lock: it waits for the holder, a guard or another fork, and gives it back as a guard
/// would. What the kernel copies meanwhile is not modelled.
#[test]
fn loom_a_fork_holds_the_lock() {
    sum(240, [FORK; 2]);
    sum(240, [FORK, PLAIN]);
    sum(130, [PLAIN, FORK]);
}

/// A fork that doesn't wait for another thread that holds the lock.
#[test]
#[should_panic(expected = "Causality violation")]
fn loom_finds_the_mutant_whose_fork_skips_a_held_lock() {
    let skip: Hold = (
        |guarded, mark| {
            if guarded.word.load(Ordering::Relaxed) == 0 {
                lock(guarded, mark);
            }
        },
        |guarded| {
            if guarded.word.load(Ordering::Relaxed) & HELD != 0 {
                guarded.unlock();
            }
        },
    );
    sum(0, [skip, PLAIN]);
}

/// A failed attempt leaves the lock alone.
#[test]
fn loom_attempts_fail_or_hold() {
    let attempt: Hold = (
        |guarded, mark| {
            if let Some(guard) = guarded.try_lock(mark) {
                drop(guard);
            }
            lock(guarded, mark);
        },
        Lock::unlock,
    );
    sum(88_000, [attempt; 2]);
    sum(3400, [attempt, PLAIN]);
    sum(18_000, [PLAIN, attempt]);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn loom_finds_the_mutant_whose_failed_attempt_unlocks() {
    let attempt: Hold = (
        |guarded, mark| {
            if guarded.try_lock(mark).is_none() {
                guarded.unlock();
            }
            lock(guarded, mark);
        },
        Lock::unlock,
    );
    sum(0, [attempt; 2]);
}
