//! A model of the slots, and mutants that loom finds.
//!
//! It shows that a slot is one thread's at a time, that of two frees of a block one is told so, and that who takes a slot sees
//! what its last owner did to it.

use stratalloc_core::sync::{UnsafeCell, explore};

use super::*;

/// Slots with a cell for each, which stands for the page and the book.
struct Pool {
    slots: Slots<2>,
    cells: [UnsafeCell<usize>; 2],
}

/// Two slots, the first of which has a block.
fn pool() -> Pool {
    let pool = Pool { slots: Slots::new(), cells: [UnsafeCell::new(0), UnsafeCell::new(0)] };
    assert_eq!(pool.slots.take(2), Some(0));
    pool.slots.hand_out(0);
    pool
}

impl Pool {
    /// Changes a slot in this thread's hand: loom finds another thread there.
    fn touch(&self, number: usize) {
        // SAFETY: loom sees to it that no other thread touches the cell now.
        self.cells[number].with_mut(|cell| unsafe { *cell += 1 });
    }

    fn allocate(&self) -> Option<usize> {
        let number = self.slots.take(2)?;
        self.touch(number);
        self.slots.hand_out(number);
        Some(number)
    }

    fn free(&self, number: usize, end: fn(&Slots<2>, usize)) -> bool {
        let freed = self.slots.begin_free(number);
        if freed {
            self.touch(number);
            end(&self.slots, number);
        }
        freed
    }
}

#[test]
fn loom_a_fenced_block_is_freed_once_and_its_slot_taken_by_one() {
    let work: fn(&Pool) -> (bool, Option<usize>) =
        |pool| (pool.free(0, |slots, number| slots.end_free(number)), pool.allocate());
    explore(700, pool, [work; 2], |_, [(freed, one), (also_freed, other)]| {
        assert!(freed != also_freed, "one of two frees is told");
        assert!(one.is_none() || one != other, "a slot was taken by two");
    });
}

#[test]
#[should_panic(expected = "ausal")]
fn loom_finds_the_mutant_that_frees_a_slot_without_release() {
    let work: fn(&Pool) -> (bool, Option<usize>) = |pool| {
        let end: fn(&Slots<2>, usize) =
            |slots, number| slots.words[number].store(1 << STATUS_BITS, Ordering::Relaxed);
        let freed = pool.free(0, end);
        let first = pool.allocate();
        (freed, first.and(pool.allocate()))
    };
    explore(0, pool, [work; 2], |_, _| ());
}

#[test]
#[should_panic(expected = "told")]
fn loom_finds_the_mutant_that_looks_and_then_frees() {
    let work: fn(&Pool) -> bool = |pool| {
        let live = pool.slots.state(0) == State::Live;
        if live {
            pool.slots.words[0].store(BUSY, Ordering::Release);
        }
        live
    };
    explore(0, pool, [work; 2], |_, [freed, also_freed]| {
        assert!(freed != also_freed, "one of two frees is told");
    });
}
