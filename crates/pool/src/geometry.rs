//! What a pool of a given mode takes of the heap besides its blocks, as constants can compute it.

use crate::{
    Mode, Word,
    mode::{Guard, Spill},
    record::Record,
};

/// Blocks of a [tiny](crate::tiny) pool that share a row.
pub(crate) const ROW_BLOCKS: usize = 256;

/// The bytes that a tiny pool keeps before its rows.
pub(crate) const ROWS_HEAD: usize = 4;

/// The bytes of a row besides its blocks and their live bits: see [`crate::tiny`].
pub(crate) const ROW_LINKS: usize = 3;

/// The sizes that a [`Mode`] fixes, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    /// Of one pool's record.
    pub(crate) record: usize,
    /// Of an offset.
    pub(crate) word: usize,
    /// Of the largest heap.
    pub(crate) max_heap: usize,
    /// Of the smallest block.
    min_block: usize,
    checked: bool,
    spills: bool,
}

impl Geometry {
    pub(crate) const fn of<M: Mode>() -> Self {
        Self {
            record: size_of::<Record<M>>(),
            word: size_of::<M::Word>(),
            max_heap: <M::Word as Word>::MAX.saturating_add(1),
            min_block: <M::Word as Word>::MIN_BLOCK,
            checked: M::Guard::<M::Word>::ON,
            spills: M::Spill::<M::Word>::ON,
        }
    }

    /// Returns the block size that serves `size` bytes at `align`, both in range.
    pub(crate) const fn stride(&self, size: usize, align: usize) -> usize {
        let size = if size < self.min_block { self.min_block } else { size };
        align_up(size, align)
    }

    /// Returns whether blocks of this size are too small for a link.
    pub(crate) const fn is_tiny(&self, stride: usize) -> bool {
        stride < self.word
    }

    /// Returns the bytes of the state of `pools` pools, less the table that finds them.
    pub(crate) const fn state(&self, pools: usize) -> usize {
        self.record * pools + self.word + self.room(pools)
    }

    /// Returns the bytes of the bits that say which pools have room.
    pub(crate) const fn room(&self, pools: usize) -> usize {
        if self.spills { pools.div_ceil(8) } else { 0 }
    }

    /// Returns the bytes of a row besides its blocks.
    pub(crate) const fn row(&self) -> usize {
        ROW_LINKS + if self.checked { ROW_BLOCKS / 8 } else { 0 }
    }

    /// Returns what `blocks` blocks take with all that belongs to them.
    pub(crate) const fn cost(&self, stride: usize, blocks: usize) -> usize {
        let books = if self.is_tiny(stride) {
            ROWS_HEAD + blocks.div_ceil(ROW_BLOCKS) * self.row()
        } else if self.checked {
            blocks.div_ceil(8)
        } else {
            0
        };
        blocks.saturating_mul(stride).saturating_add(books)
    }

    /// Returns the most blocks that `budget` bytes pay for. `O(1)`.
    pub(crate) const fn fit(&self, stride: usize, budget: usize) -> usize {
        // Without what is only paid once, so that this is never too few.
        let row = (self.cost(stride, ROW_BLOCKS + 1) - self.cost(stride, 1)) as u64;
        let mut blocks = (budget as u64 * ROW_BLOCKS as u64 / row) as usize;
        // What is begun counts as whole, so a few of these may be too many; never more than the
        // books of one row.
        while blocks > 0 && self.cost(stride, blocks) > budget {
            blocks -= 1;
        }
        blocks
    }
}

/// `value`, up to the next multiple of `align`, a power of two.
pub(crate) const fn align_up(value: usize, align: usize) -> usize {
    align_down(value + (align - 1), align)
}

/// `value`, down to a multiple of `align`, a power of two.
pub(crate) const fn align_down(value: usize, align: usize) -> usize {
    value & !(align - 1)
}
