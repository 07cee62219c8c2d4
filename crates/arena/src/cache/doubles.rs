//! Blocks that are freed, or used, while they are free.

use crate::{
    books::{keys, report, slab::BadFree},
    cache::Cache,
    heap::{Heap, Visit},
    plan::bins::Bin,
    sys::lock::Mark,
    thresholds::LEAVES_KEYS,
};

impl Cache {
    /// Whether a block that the program frees, or uses, may be free: there is a key in it, or else it is one of the two newest of
    /// its bin.
    ///
    /// # Safety
    ///
    /// A block of the bin starts there.
    #[inline]
    pub(crate) unsafe fn may_have(&self, bin: Bin, block: *mut u8) -> bool {
        if keys::has_keys(bin) {
            // SAFETY: a block starts there, by this function's contract.
            unsafe { keys::lies_in(block, keys::key_of(block)) }
        } else if LEAVES_KEYS {
            self.is_among_newest(bin, block)
        } else {
            self.newest(bin) == block
        }
    }

    /// Whether a block is one of the two newest of its bin.
    #[inline(always)]
    pub(crate) fn is_among_newest(&self, bin: Bin, block: *mut u8) -> bool {
        let top = self.tops[bin.index()].get();
        // SAFETY: [CACHE-2: tops] the top is a slot of the stack, or the upper of two nulls.
        unsafe { *top == block || *top.sub(1) == block }
    }

    /// Ends the process with a report if a block of a heap is free: if the calling thread, whose cache this is, has it, or
    /// the heap. Another thread may have it all the same.
    ///
    /// # Safety
    ///
    /// A block of the bin starts there, in a slab of the heap.
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn check_used(
        &self,
        mark: Mark,
        heap: &Heap,
        bin: Bin,
        block: *mut u8,
    ) -> Visit {
        if self.holds(bin, block) {
            report::bad_free(bin, BadFree::Twice(block));
        }
        // SAFETY: this function's contract is the same.
        let (has, visit) = unsafe { heap.has_free(mark, bin, block) };
        if has {
            report::bad_free(bin, BadFree::Twice(block));
        }
        visit
    }
}
