//! Random numbers of a thread, for what nobody is to foresee: in the hardened build, where freed blocks go.

use core::cell::Cell;

use crate::sys;

/// A generator: Knuth's linear congruential one of 64 bits, of whose words the high halves serve. Any word is a state.
pub(crate) struct Random(Cell<u64>);

impl Random {
    pub(crate) const fn new() -> Self {
        Self(Cell::new(0))
    }

    /// Changes which numbers come, by random bits of the system's.
    pub(crate) fn stir(&self) {
        self.0.set(self.0.get() ^ sys::entropy());
    }

    /// A number from zero to below `bound`, which is less than 2^32.
    #[inline(always)]
    pub(crate) fn below(&self, bound: usize) -> usize {
        let next = self.0.get().wrapping_mul(6_364_136_223_846_793_005);
        self.0.set(next.wrapping_add(1_442_695_040_888_963_407));
        ((next >> 32) as usize * bound) >> 32
    }

    /// Puts blocks in random order (Fisher and Yates's).
    pub(crate) fn shuffle(&self, blocks: &mut [*mut u8]) {
        for end in (2..=blocks.len()).rev() {
            blocks.swap(end - 1, self.below(end));
        }
    }
}

#[cfg(test)]
mod tests {
    use core::ptr::without_provenance_mut;

    use super::*;

    /// 8,000 drawings of eight: each comes up 1,000 times on average; the bounds are five times the standard deviation off.
    const LIKELY: core::ops::Range<usize> = 850..1150;

    #[test]
    fn a_number_is_as_likely_as_another() {
        let random = Random::new();
        let mut times = [0; 8];
        (0..8000).for_each(|_| times[random.below(8)] += 1);
        assert!(times.iter().all(|time| LIKELY.contains(time)), "{times:?}");
    }

    #[test]
    fn an_order_is_as_likely_as_another() {
        let random = Random::new();
        let mut times = [[0; 8]; 8];
        for _ in 0..8000 {
            let mut blocks: [_; 8] = core::array::from_fn(without_provenance_mut);
            random.shuffle(&mut blocks);
            blocks.iter().enumerate().for_each(|(place, block)| times[place][block.addr()] += 1);
        }
        assert!(times.as_flattened().iter().all(|time| LIKELY.contains(time)), "{times:?}");
    }

    #[test]
    fn what_was_stirred_gives_other_numbers() {
        let (one, other) = (Random::new(), Random::new());
        one.stir();
        other.stir();
        assert!((0..100).any(|_| one.below(1 << 16) != other.below(1 << 16)));
    }
}
