//! Which blocks of no bytes the program holds: a bit for each, by its number.
//!
//! This module knows nothing of a block but its number.

use stratalloc_core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Blocks of a word.
pub(super) const OF_WORD: usize = u64::BITS as usize;

/// A bit for each block of so many words.
///
/// `Relaxed` throughout: a block has no content, so that nothing is handed over with it. The operation on its word decides
/// alone whose a block is.
pub(super) struct Blocks<const WORDS: usize> {
    held: [AtomicU64; WORDS],
    /// The word at which the next search begins, a hint.
    next: AtomicUsize,
}

impl<const WORDS: usize> Blocks<WORDS> {
    /// Blocks of which none is held.
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self { held: [const { AtomicU64::new(0) }; WORDS], next: AtomicUsize::new(0) }
    }

    /// Loom's atomics can't be made in constants.
    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self { held: core::array::from_fn(|_| AtomicU64::new(0)), next: AtomicUsize::new(0) }
    }

    /// Takes a free block whose number is a multiple of `step`, a power of two; `None` if there is none, or if `step` is
    /// more than a word's blocks.
    ///
    /// The search begins in the word behind the last one that had one. O(1) where words have some, else O(words).
    pub(super) fn take(&self, step: usize) -> Option<usize> {
        let wanted = multiples_of(step)?;
        let first = self.next.load(Ordering::Relaxed);
        (first..first + WORDS).find_map(|word| self.take_in(word % WORDS, wanted))
    }

    /// Takes one of the `wanted` blocks of a word.
    fn take_in(&self, word: usize, wanted: u64) -> Option<usize> {
        let mut held = self.held[word].load(Ordering::Relaxed);
        loop {
            let free = !held & wanted;
            if free == 0 {
                return None;
            }
            let bit = free & free.wrapping_neg();
            // What was lost to another thread isn't tried again, unless it was given back since.
            held = self.held[word].fetch_or(bit, Ordering::Relaxed);
            if held & bit == 0 {
                self.next.store((word + 1) % WORDS, Ordering::Relaxed);
                return Some(word * OF_WORD + bit.trailing_zeros() as usize);
            }
        }
    }

    /// Gives a block back; returns whether it was held.
    pub(super) fn give_back(&self, number: usize) -> bool {
        let bit = bit_of(number);
        self.held[number / OF_WORD].fetch_and(!bit, Ordering::Relaxed) & bit != 0
    }

    /// Whether a block is held.
    pub(super) fn is_held(&self, number: usize) -> bool {
        self.held[number / OF_WORD].load(Ordering::Relaxed) & bit_of(number) != 0
    }
}

fn bit_of(number: usize) -> u64 {
    1 << (number % OF_WORD)
}

/// The bits of a word whose numbers are multiples of `step`; `None` if that is more than its bits.
fn multiples_of(step: usize) -> Option<u64> {
    let steps = (0..OF_WORD).step_by(step);
    (step <= OF_WORD).then(|| steps.map(bit_of).fold(0, |bits, bit| bits | bit))
}

#[cfg(all(loom, test))]
mod models;

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_block_is_taken_once_until_all_are() {
        let blocks = Blocks::<3>::new();
        let mut taken: Vec<_> = core::iter::from_fn(|| blocks.take(1)).collect();
        taken.sort_unstable();
        assert!(taken.iter().copied().eq(0..3 * OF_WORD));
        assert!(blocks.is_held(70) && blocks.give_back(70) && !blocks.is_held(70));
        assert!(!blocks.give_back(70), "it is free already");
        assert_eq!((blocks.take(1), blocks.take(1)), (Some(70), None));
    }

    #[test]
    fn numbers_are_multiples_of_a_step() {
        for step in [1, 2, 4, 8, 16, 32, 64] {
            let blocks = Blocks::<1>::new();
            let taken = core::iter::from_fn(|| blocks.take(step));
            assert!(taken.eq((0..OF_WORD).step_by(step)), "{step}");
        }
        assert_eq!(Blocks::<1>::new().take(128), None);
        assert_eq!(Blocks::<1>::new().take(1 << 40), None);
    }

    #[test]
    fn a_block_rests_until_the_others_had_their_turn() {
        let blocks = Blocks::<4>::new();
        let first = blocks.take(1).unwrap();
        blocks.give_back(first);
        let next: Vec<_> = (0..3).map(|_| blocks.take(1).unwrap()).collect();
        assert!(!next.contains(&first), "{next:?}");
    }
}
