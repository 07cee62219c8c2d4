//! Runs in a map of bits, found by whole words.

use core::{cell::Cell, ops::Range};

/// Bits in a word of the map.
pub(crate) const WORD_BITS: usize = u64::BITS as usize;

/// A map of bits over words that someone else keeps. Indices past the last word are the caller's
/// mistake, and panic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bits<'a>(pub(crate) &'a [Cell<u64>]);

impl Bits<'_> {
    pub(crate) fn get(self, index: usize) -> bool {
        self.0[index / WORD_BITS].get() >> (index % WORD_BITS) & 1 == 1
    }

    /// Sets or clears every bit of a range.
    pub(crate) fn fill(self, range: Range<usize>, value: bool) {
        let mut index = range.start;
        while index < range.end {
            let (word, mask) = (&self.0[index / WORD_BITS], mask(index, range.end));
            word.set(if value { word.get() | mask } else { word.get() & !mask });
            index = (index / WORD_BITS + 1) * WORD_BITS;
        }
    }

    /// Returns the first bit of a range that equals `value`; the range's end if there is none.
    pub(crate) fn find(self, range: Range<usize>, value: bool) -> usize {
        let mut index = range.start;
        while index < range.end {
            let word = self.0[index / WORD_BITS].get();
            let hits = if value { word } else { !word } & mask(index, range.end);
            if hits != 0 {
                return index / WORD_BITS * WORD_BITS + hits.trailing_zeros() as usize;
            }
            index = (index / WORD_BITS + 1) * WORD_BITS;
        }
        range.end
    }

    /// Returns the first run of `count` clear bits within a range whose first index plus `phase` is a
    /// multiple of `align`, a power of two. Time is that of one pass over the words and runs.
    pub(crate) fn find_clear_run(
        self,
        range: Range<usize>,
        count: usize,
        align: usize,
        phase: usize,
    ) -> Option<usize> {
        let mut first = range.start;
        loop {
            first = self.find(first..range.end, false);
            let padding = first.checked_add(phase)?.wrapping_neg() & (align - 1);
            first = first.checked_add(padding)?;
            let after = first.checked_add(count).filter(|&after| after <= range.end)?;
            let obstacle = self.find(first..after, true);
            if obstacle == after {
                return Some(first);
            }
            first = obstacle;
        }
    }
}

/// Returns the bits of `index`'s word from `index` on, up to `end`.
fn mask(index: usize, end: usize) -> u64 {
    let from = u64::MAX << (index % WORD_BITS);
    let word_end = (index / WORD_BITS + 1) * WORD_BITS;
    if end < word_end { from & !(u64::MAX << (end % WORD_BITS)) } else { from }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pattern with short and long runs, over three words.
    fn pattern(seed: u64) -> [Cell<u64>; 3] {
        let mut state = seed | 1;
        core::array::from_fn(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed);
            Cell::new(state & (state << 7) & (state >> 11))
        })
    }

    #[test]
    fn finds_are_those_of_a_naive_search() {
        for seed in 0..40 {
            let words = pattern(seed);
            let bits = Bits(&words);
            for (start, end) in [(0, 192), (1, 191), (63, 65), (64, 128), (70, 70)] {
                for value in [false, true] {
                    let naive = (start..end).find(|&i| bits.get(i) == value).unwrap_or(end);
                    assert_eq!(bits.find(start..end, value), naive);
                }
                for (count, align, phase) in
                    [(1, 1, 0), (3, 1, 5), (9, 4, 3), (64, 1, 0), (2, 64, 1)]
                {
                    let naive = (start..end).find(|&i| {
                        (i + phase) % align == 0
                            && i + count <= end
                            && (i..i + count).all(|j| !bits.get(j))
                    });
                    assert_eq!(bits.find_clear_run(start..end, count, align, phase), naive);
                }
            }
        }
        let empty: [Cell<u64>; 3] = Default::default();
        assert_eq!(Bits(&empty).find_clear_run(0..192, usize::MAX, 1, 0), None);
        assert_eq!(Bits(&empty).find_clear_run(0..192, 1, 1 << 63, 1), None);
    }

    #[test]
    fn fills_touch_their_range_alone() {
        for (start, end) in [(0, 192), (0, 0), (5, 6), (60, 70), (64, 128), (1, 191), (130, 192)] {
            for value in [false, true] {
                let words: [Cell<u64>; 3] = [0xF0F0, 7, u64::MAX << 3].map(Cell::new);
                let before = words.clone();
                Bits(&words).fill(start..end, value);
                for i in 0..192 {
                    let expected =
                        if (start..end).contains(&i) { value } else { Bits(&before).get(i) };
                    assert_eq!(Bits(&words).get(i), expected);
                }
            }
        }
    }
}
