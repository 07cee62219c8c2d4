//! Which slots are free, and for how long.
//!
//! This module knows nothing of a slot but its number.

use stratalloc_core::sync::atomic::{AtomicU64, Ordering};

/// What a slot serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It waits for its next block.
    Free,
    /// A thread makes it ready for a block, or takes a block back.
    Busy,
    /// The program has a block in it.
    Live,
}

const FREE: u64 = 0;
const BUSY: u64 = 1;
const LIVE: u64 = 2;
/// The bits of a status in a word.
const STATUS: u64 = 3;
const STATUS_BITS: u32 = STATUS.count_ones();

/// A word for each slot: its status, and above that, while it is free, when it was freed; zero if it never was.
///
/// Nothing waits. A thread that the child of a fork lacks may leave a slot busy there for ever.
pub(super) struct Slots<const MOST: usize> {
    words: [AtomicU64; MOST],
    /// How many frees there were. `Relaxed`: the order of two that meet doesn't matter.
    clock: AtomicU64,
}

impl<const MOST: usize> Slots<MOST> {
    /// Slots that are all free.
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self { words: [const { AtomicU64::new(FREE) }; MOST], clock: AtomicU64::new(0) }
    }

    /// Loom's atomics can't be made in constants.
    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self { words: core::array::from_fn(|_| AtomicU64::new(FREE)), clock: AtomicU64::new(0) }
    }

    /// Takes the slot out of the first `count` that has been free for the longest time, busy from now on; `None` if there is
    /// none. O(count).
    ///
    /// `Acquire` pairs with `Release` in [`end_free`](Self::end_free): what the last owner did to the slot is done.
    pub(super) fn take(&self, count: usize) -> Option<usize> {
        loop {
            let words = self.words.iter().take(count);
            let seen =
                words.enumerate().map(|(number, word)| (word.load(Ordering::Relaxed), number));
            let (word, number) = seen.filter(|(word, _)| word & STATUS == FREE).min()?;
            let (taken, lost) = (Ordering::Acquire, Ordering::Relaxed);
            if self.words[number].compare_exchange(word, word | BUSY, taken, lost).is_ok() {
                return Some(number);
            }
        }
    }

    /// Gives a slot back that was just taken, as free as it was.
    pub(super) fn put_back(&self, number: usize) {
        self.words[number].fetch_and(!STATUS, Ordering::Release);
    }

    /// A slot that was taken has a block from now on. `Release` pairs with `Acquire` in [`begin_free`](Self::begin_free).
    pub(super) fn hand_out(&self, number: usize) {
        self.words[number].store(LIVE, Ordering::Release);
    }

    /// Takes the block of a slot back; returns whether there was one, which one thread alone is told. The slot is busy then.
    pub(super) fn begin_free(&self, number: usize) -> bool {
        let (taken, lost) = (Ordering::Acquire, Ordering::Relaxed);
        self.words[number].compare_exchange(LIVE, BUSY, taken, lost).is_ok()
    }

    /// The slot of a block that was taken back is free from now on. `Release` pairs with `Acquire` in [`take`](Self::take).
    pub(super) fn end_free(&self, number: usize) {
        let now = self.clock.fetch_add(1, Ordering::Relaxed) + 1;
        self.words[number].store(now << STATUS_BITS | FREE, Ordering::Release);
    }

    /// What a slot serves just now.
    pub(super) fn state(&self, number: usize) -> State {
        match self.words[number].load(Ordering::Acquire) & STATUS {
            FREE => State::Free,
            LIVE => State::Live,
            _ => State::Busy,
        }
    }
}

#[cfg(all(loom, test))]
mod models;

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_slot_waits_until_all_that_were_freed_before_had_their_turn() {
        let slots = Slots::<5>::new();
        let taken: Vec<_> = core::iter::from_fn(|| slots.take(4)).collect();
        assert_eq!(taken, [0, 1, 2, 3], "and not the fifth");
        for &number in &taken {
            slots.hand_out(number);
        }
        for number in [2, 0, 3, 1] {
            assert!(slots.begin_free(number) && !slots.begin_free(number));
            assert_eq!(slots.state(number), State::Busy);
            slots.end_free(number);
            assert!(!slots.begin_free(number));
        }
        let again: Vec<_> = core::iter::from_fn(|| slots.take(4)).collect();
        assert_eq!(again, [2, 0, 3, 1]);
    }

    #[test]
    fn what_is_put_back_is_next_again() {
        let slots = Slots::<2>::new();
        assert_eq!(slots.take(2), Some(0));
        slots.put_back(0);
        assert_eq!((slots.take(2), slots.take(2), slots.take(2)), (Some(0), Some(1), None));
    }
}
