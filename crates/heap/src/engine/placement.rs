//! Placing: a live block cut from a free one.

use core::hint::assert_unchecked;

use crate::{
    engine::{Engine, unlikely},
    free::Free,
    policy::Policy,
};

/// In a heap that grows, requests of this many bytes or more take the near end of the top too: its far
/// end is in the way of what the base will add.
const LARGE: usize = 1024;

impl<P: Policy> Engine<P> {
    /// Takes a block of `size` bytes, or a little more, from the bins, or from the top if none has
    /// any: its address, or 0.
    #[inline(always)]
    pub(crate) fn allocate(&mut self, size: usize) -> usize {
        let block = self.bins.take(size);
        if block.size == 0 {
            return self.allocate_from_top(size);
        }
        // SAFETY: the block is free, in no bin, and as long as asked.
        unsafe {
            let is_far = size >= P::FAR_END_FROM && size < P::NEAR_END_FROM;
            let (address, rest) = self.place(block, size, is_far);
            if rest.size != 0 {
                self.bins.insert(rest);
            }
            address
        }
    }

    #[inline(always)]
    fn allocate_from_top(&mut self, size: usize) -> usize {
        if self.top.size < size {
            return 0;
        }
        let is_far = size >= P::FAR_END_FROM && (size < LARGE || !self.grows);
        // SAFETY: the top is free, in no bin, and as long as asked.
        let (address, rest) = unsafe { self.place(self.top, size, is_far) };
        self.top = rest;
        address
    }

    /// Cuts a live block of `size` bytes from the near or the far end of a free one that is in no bin:
    /// its address, and the rest.
    #[inline(always)]
    unsafe fn place(&mut self, block: Free, size: usize, is_far: bool) -> (usize, Free) {
        let spare = block.size - size;
        let tags = self.region_of(block.address).tags;
        let (start, end, rest) = if spare < Self::MIN {
            unlikely();
            (block.address, block.end(), Free::NONE)
        } else if is_far {
            let start = block.address + spare;
            (start, block.end(), Free { size: spare, ..block })
        } else {
            let end = block.address + size;
            (block.address, end, Free { address: end, size: spare })
        };
        // SAFETY: the bytes are a free block, or an end of one; none lies at 0.
        unsafe {
            tags.allocate(start, end);
            assert_unchecked(start != 0);
        }
        (start, rest)
    }

    /// Takes a block of `size` bytes whose address is a multiple of `align`, a power of two above
    /// the granule: its address, or 0. The block has just `size` bytes.
    pub(crate) fn allocate_aligned(&mut self, size: usize, align: usize) -> usize {
        let whole = size + Self::slack(align);
        let mut block = self.bins.take(whole);
        if block.size == 0 {
            if self.top.size < whole {
                return 0;
            }
            block = core::mem::replace(&mut self.top, Free::NONE);
        }
        let start = Self::align_within(block.address, align);
        let end = start + size;
        let tags = self.region_of(block.address).tags;
        // SAFETY: the block is free, in no bin, and long enough for the gap, for `size` and for a
        // block behind; what is left on either side becomes the top, or is filed.
        unsafe {
            tags.allocate(start, end);
            for rest in [
                Free { address: end, size: block.end() - end },
                Free { address: block.address, size: start - block.address },
            ] {
                self.renew_top(rest);
            }
        }
        start
    }

    /// Returns where a block of `size` bytes ends that has the room from `start` to `limit`: there, if a
    /// block fits behind it.
    #[inline(always)]
    pub(crate) const fn end_within(start: usize, size: usize, limit: usize) -> usize {
        if limit - start - size < Self::MIN { limit } else { start + size }
    }

    /// Returns what a free block must have besides the size, so that whatever its address is there is room for
    /// a block before a multiple of `align`, and for one behind.
    #[inline(always)]
    pub(crate) const fn slack(align: usize) -> usize {
        align + 2 * Self::MIN - P::GRANULE
    }

    /// Returns the first multiple of `align` from `start` on that leaves no gap, or one for a block.
    const fn align_within(start: usize, align: usize) -> usize {
        let address = start.next_multiple_of(align);
        let gap = address - start;
        if gap == 0 || gap >= Self::MIN { address } else { address + align }
    }
}
