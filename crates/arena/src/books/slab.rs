//! Slabs: segments of equal blocks, whose free blocks are bits of a map outside of them.
//!
//! Freeing a block doesn't touch it. Free blocks are handed out in the order of addresses: blocks that are allocated
//! together lie together, also after they were freed at random.

mod blocks;
mod stretches;
mod validation;

use crate::{
    books::list::{Linked, Links},
    plan::{
        bins::{Bin, SlabShape},
        geometry::LINE,
    },
};

/// Words of the largest bit map: 8,192 blocks of 8 bytes.
pub(crate) const BITMAP_WORDS_SMALLEST: usize = 64 * 1024 / 8 / 64;
/// Words of the bit maps of most slabs: those from 32 bytes on, and in the partitions above 1,820 blocks at most.
pub(crate) const BITMAP_WORDS: usize = 32;

/// The book of one segment. All zero is a segment that was never used.
///
/// # Invariants
///
/// Of a segment that serves as a slab:
///
/// - [SEGMENT-1: carved] Blocks below `carved` were handed out at least once; those above never were, and their
///   bits are clear.
/// - [SEGMENT-2: free] `free` is the number of set bits, and a block's bit is set only while nobody holds it.
/// - [SEGMENT-3: hint] No bit is set in the words below `hint`.
///
/// Of every segment:
///
/// - [SEGMENT-4: usable] The blocks below `carved` end within `usable`.
/// - [SEGMENT-5: touched] Bytes from `touched` on read as zero, and memory behind them, if any, came with a huge page.
///   The blocks below `carved` end within `touched`.
/// - [SEGMENT-6: locked] The last `locked` of its usable bytes, no more than there are, can't be touched. It isn't a slab then.
#[repr(C, align(64))]
pub(crate) struct Segment {
    /// Set bits.
    pub(crate) free: u32,
    /// Blocks below this one have been handed out.
    pub(crate) carved: u32,
    /// Bytes from the start that may have memory behind them.
    pub(crate) touched: u32,
    /// Pages of 4 KiB of the large block that starts here; zero in every other segment.
    pub(crate) pages: u32,
    /// Bytes of free blocks whose memory was given back; at most all free ones.
    pub(crate) purged: u32,
    /// Bytes from the start that may be used without asking the system.
    pub(crate) usable: u32,
    /// Where its bit map is, counted from one among the lines of bit maps; zero before it has one.
    pub(crate) bitmap: u32,
    /// The first word of the bit map that may have a set bit.
    hint: u16,
    /// The bin that it serves as a slab of, or [`Bin::NONE`].
    pub(crate) bin: Bin,
    /// Whether it is in its heap's list of slabs.
    pub(crate) listed: bool,
    /// Whether the large block that starts here was to be zero.
    pub(crate) zeroed: bool,
    /// Bytes of the pages of the large block that starts here that the program may not use, in the hardened build.
    pub(crate) margin: u16,
    /// Its idle bytes when it was last looked at for pages to give back.
    pub(crate) seen: u32,
    /// How many of its usable bytes, the last ones, nobody may read or write, in the hardened build.
    pub(crate) locked: u32,
    /// The bin that it served last as a slab of, if it served nothing else since.
    pub(crate) served: Bin,
    /// Lines that it was given for bit maps: once one, and once as many as the smallest blocks need.
    pub(crate) lines: u8,
    links: Links<Self>,
}

impl Linked for Segment {
    fn links(&mut self) -> &mut Links<Self> {
        &mut self.links
    }
}

// A book is one line.
const _: () = assert!(size_of::<Segment>() == LINE && align_of::<Segment>() == LINE);

/// A fault of a block that was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadFree {
    /// It doesn't start where a block starts, or was never handed out.
    NotABlock(*mut u8),
    /// It is free already.
    Twice(*mut u8),
}

/// How it stands with a block of a slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It was handed out, and not given back to the slab.
    Out,
    /// It was given back.
    Free,
    /// It was never handed out.
    Fresh,
}

/// A slab: a segment's book with its memory, its bit map and its shape.
pub(crate) struct Slab<'a> {
    pub(crate) segment: &'a mut Segment,
    pub(crate) bitmap: &'a mut [u64],
    pub(crate) base: *mut u8,
    pub(crate) shape: &'a SlabShape,
}

impl Slab<'_> {
    /// The block that an address of the slab lies in, and its standing; `None` behind the last one.
    pub(crate) fn block_around(&self, address: *mut u8) -> Option<(usize, Standing)> {
        let number = self.shape.block_at(address.addr().checked_sub(self.base.addr())?);
        if number >= self.shape.capacity as usize {
            return None;
        }
        let standing = if number >= self.segment.carved as usize {
            Standing::Fresh
        } else if self.bitmap[number / 64] & (1 << (number % 64)) != 0 {
            Standing::Free
        } else {
            Standing::Out
        };
        Some((self.base.addr() + number * self.shape.block_size as usize, standing))
    }

    /// The number and the address of the first block from `number` on that was handed out and not given back to the slab.
    /// O(blocks).
    pub(crate) fn next_out(&self, number: usize) -> Option<(usize, usize)> {
        let size = self.shape.block_size as usize;
        let is_out = |&number: &usize| self.bitmap[number / 64] & (1 << (number % 64)) == 0;
        let found = (number..self.segment.carved as usize).find(is_out)?;
        Some((found, self.base.addr() + found * size))
    }

    /// The bytes that must be usable for [`take`](Self::take) to have `count` blocks, or all that the slab can have.
    pub(crate) fn bytes_for(&self, count: usize) -> usize {
        let fresh = count.saturating_sub(self.segment.free as usize);
        let blocks = (self.segment.carved as usize + fresh).min(self.shape.capacity as usize);
        if fresh == 0 { 0 } else { blocks * self.shape.block_size as usize }
    }

    /// Whether it is one of the slabs that bins begin with, outside of their own partition, and all its blocks are free.
    pub(crate) fn is_spare_first(&self) -> bool {
        let own = self.segment.bin.shape().partition;
        self.shape.partition != own && self.is_empty() && self.segment.free != 0
    }

    /// Whether nobody holds a block of it.
    pub(crate) fn is_empty(&self) -> bool {
        self.segment.free == self.segment.carved
    }

    /// Whether [`take`](Self::take) has nothing more to hand out.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.segment.free == 0 && self.segment.carved == self.shape.capacity
    }

    /// Clears the book of an empty slab, which no list holds: the segment serves as nothing from now on.
    pub(crate) fn clear(&mut self) {
        debug_assert!(self.is_empty());
        self.bitmap[..(self.segment.carved as usize).div_ceil(64)].fill(0);
        self.segment.free = 0;
        self.segment.carved = 0;
        self.segment.purged = 0;
        self.segment.seen = 0;
        self.segment.hint = 0;
        self.segment.listed = false;
    }

    /// Bytes that may have memory behind them, and serve nothing: of free blocks, and behind those ever handed out.
    pub(crate) fn idle(&self) -> usize {
        let free = self.segment.free * self.shape.block_size - self.segment.purged;
        free as usize + (self.segment.touched as usize).saturating_sub(self.carved_bytes())
    }

    /// Bytes from the start of blocks that were handed out at least once.
    pub(crate) fn carved_bytes(&self) -> usize {
        self.segment.carved as usize * self.shape.block_size as usize
    }
}

#[cfg(test)]
mod tests;
