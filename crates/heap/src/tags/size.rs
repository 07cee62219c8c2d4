//! How long blocks are, as their tags tell.

use crate::{
    policy::Policy,
    tags::{LONG, Tags, WINDOW},
};

/// Every method asks of its caller what those in `tags` ask.
#[expect(clippy::undocumented_unsafe_blocks, reason = "one section proves all")]
impl<P: Policy> Tags<P> {
    /// Returns the size of a live block, no slab.
    #[inline(always)]
    pub(crate) unsafe fn live_size(self, start: usize) -> usize {
        match unsafe { self.near_len(start) } {
            0 => unsafe { self.far_size(start) },
            len => len * P::GRANULE,
        }
    }

    /// Returns the granules of a live block that ends in the window it begins in; or 0.
    #[inline(always)]
    pub(crate) unsafe fn near_len(self, start: usize) -> usize {
        let rest = unsafe { self.word(start) } >> Self::index(start) >> 1;
        if rest == 0 { 0 } else { rest.trailing_zeros() as usize + 2 }
    }

    /// Returns the size of a live block that ends in another window than it begins in.
    #[inline(always)]
    pub(crate) unsafe fn far_size(self, start: usize) -> usize {
        match unsafe { self.long_size(start) } {
            0 => {
                let within = WINDOW - Self::index(start);
                let word = unsafe { *self.word_behind(start) };
                (within + word.trailing_zeros() as usize + 1) * P::GRANULE
            }
            size => size,
        }
    }

    /// Returns the size of a live block that ends in another window than it begins in, if it is long; or 0.
    #[inline(always)]
    pub(crate) unsafe fn long_size(self, start: usize) -> usize {
        let word = unsafe { *self.word_behind(start) };
        if word & LONG == LONG { (word ^ LONG) as usize } else { 0 }
    }

    /// Returns whether a long live block ends at `end`, as far as tags can tell; none begins below `least`.
    pub(crate) unsafe fn ends_long(self, end: usize, least: usize) -> bool {
        let last = end - P::GRANULE;
        let within = unsafe { self.word(last) } << (WINDOW - 1 - Self::index(last));
        if within != 0 {
            return false;
        }
        let mut window = last / Self::WINDOW_BYTES;
        while window * Self::WINDOW_BYTES > least {
            window -= 1;
            let word = unsafe { self.word(window * Self::WINDOW_BYTES) };
            if word != 0 {
                let start = end.wrapping_sub((word ^ LONG) as usize);
                return start >= least && start / Self::WINDOW_BYTES + 1 == window;
            }
        }
        false
    }

    /// Returns whether the word of any granule's window could be the size of a long block in `span` bytes.
    pub(crate) unsafe fn may_be_size(self, address: usize, span: usize) -> bool {
        let word = unsafe { self.word(address) };
        let size = (word ^ LONG) as usize;
        size > Self::WINDOW_BYTES && size <= span && size % P::GRANULE == 0
    }

    /// Returns the size of a free block, whatever its body says: a look at each of its windows.
    pub(crate) unsafe fn free_size(self, start: usize, limit: usize) -> usize {
        let mut at = start + P::GRANULE;
        while at < limit {
            // The B of the block behind is set.
            let rest = unsafe { self.word(at) } >> Self::index(at);
            if rest != 0 {
                at += rest.trailing_zeros() as usize * P::GRANULE;
                break;
            }
            at = (at / Self::WINDOW_BYTES + 1) * Self::WINDOW_BYTES;
        }
        at.min(limit) - start
    }
}
