//! Blocks by number: 32 bits name a block, so that a link and a tag fit one atomic word.

/// The chunks that an index can name.
pub(super) const MAX_CHUNKS: usize = 64;

const POSITION_BITS: u32 = 32 - MAX_CHUNKS.ilog2();

/// The blocks of a chunk that an index can name; the rest are the two values that name none.
pub(super) const MAX_CHUNK_BLOCKS: usize = (1 << POSITION_BITS) - 2;

/// A block's name: its chunk's number in the upper bits, its position there in the lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub(super) struct Index(u32);

impl Index {
    /// No block: the end of a list.
    pub(super) const NIL: Self = Self(u32::MAX);

    /// No block: stands in place of the link of a block that is in no list. See `Links`.
    pub(super) const LIVE: Self = Self(u32::MAX - 1);

    /// `chunk` is below [`MAX_CHUNKS`], `position` below [`MAX_CHUNK_BLOCKS`].
    #[inline]
    pub(super) const fn new(chunk: usize, position: usize) -> Self {
        debug_assert!(chunk < MAX_CHUNKS && position < MAX_CHUNK_BLOCKS);
        Self((chunk << POSITION_BITS | position) as u32)
    }

    #[inline]
    pub(super) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    #[inline]
    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    #[inline]
    pub(super) const fn is_block(self) -> bool {
        self.0 < Self::LIVE.0
    }

    #[inline]
    pub(super) const fn chunk(self) -> usize {
        (self.0 >> POSITION_BITS) as usize
    }

    #[inline]
    pub(super) const fn position(self) -> usize {
        (self.0 & ((1 << POSITION_BITS) - 1)) as usize
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn chunk_and_position_come_back_and_no_block_is_nil() {
        for chunk in [0, 1, 31, MAX_CHUNKS - 1] {
            for position in [0, 1, 12_345, MAX_CHUNK_BLOCKS - 1] {
                let index = Index::new(chunk, position);
                assert_eq!((index.chunk(), index.position()), (chunk, position));
                assert!(index.is_block());
            }
        }
        assert!(!Index::NIL.is_block() && !Index::LIVE.is_block());
    }
}
