//! How many blocks each chunk has.

use crate::BlockLayout;

/// How an allocator grows: the number of blocks in its first, second, … chunk.
///
/// A chunk's size follows from its place in the order alone, so it need not be stored anywhere.
///
/// ```
/// use stratalloc_block::Growth;
/// let growth = Growth::doubling(16, 100);
/// assert_eq!([0, 1, 2, 3, 4].map(|chunk| growth.blocks_in(chunk)), [16, 32, 64, 100, 100]);
/// assert_eq!(Growth::fixed(16).blocks_in(9), 16);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    first: usize,
    /// How often the first can be doubled and stays within the cap.
    doublings: u32,
    cap: usize,
}

impl Growth {
    /// Chunks of `blocks` each; zero counts as one.
    pub const fn fixed(blocks: usize) -> Self {
        Self::doubling(blocks, blocks)
    }

    /// Returns a growth by a first chunk of `first` blocks, and then each twice the one before up to `cap`. Zero counts
    /// as one, and a cap below `first` as `first`.
    pub const fn doubling(first: usize, cap: usize) -> Self {
        let first = if first == 0 { 1 } else { first };
        let cap = if cap < first { first } else { cap };
        Self { first, doublings: (cap / first).ilog2(), cap }
    }

    /// For blocks of which nobody knows how many there will be: a first chunk of about 4 KiB, and then each
    /// twice the one before. A chunk is taken when those before it are used up, which have about as many
    /// blocks as it has.
    ///
    /// ```
    /// use stratalloc_block::{BlockLayout, Growth};
    /// let growth = Growth::for_blocks(BlockLayout::new(64, 8)?);
    /// assert_eq!([0, 1, 10].map(|chunk| growth.blocks_in(chunk)), [64, 128, 65_536]);
    /// # Ok::<(), stratalloc_block::BlockError>(())
    /// ```
    pub const fn for_blocks(blocks: BlockLayout) -> Self {
        Self::doubling(4096 / blocks.size(), usize::MAX)
    }

    /// Returns the number of blocks in the chunk with this number, counted from zero.
    #[inline]
    pub const fn blocks_in(self, chunk: usize) -> usize {
        if chunk <= self.doublings as usize { self.first << chunk } else { self.cap }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubling_stops_at_the_cap_and_never_overflows() {
        for first in 1..20 {
            for cap in 0..200 {
                let growth = Growth::doubling(first, cap);
                let mut expected = first;
                for chunk in 0..300 {
                    assert_eq!(growth.blocks_in(chunk), expected, "{growth:?} {chunk}");
                    expected = (expected * 2).min(cap.max(first));
                }
            }
        }
        assert_eq!(Growth::doubling(3, usize::MAX).blocks_in(usize::MAX), usize::MAX);
    }

    #[test]
    fn zero_counts_as_one() {
        assert_eq!(Growth::fixed(0), Growth::fixed(1));
        assert_eq!(Growth::doubling(0, 0).blocks_in(7), 1);
    }
}
