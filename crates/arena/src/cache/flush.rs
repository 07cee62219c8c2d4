//! How a cache gives back what it holds.

use crate::{
    cache::Cache,
    heap::{Visit, pools::Pools},
    plan::bins::{BINS, Bin},
    sys::{self, lock::Mark},
};

impl Cache {
    /// Gives every block that the thread holds back to the heaps.
    pub(crate) fn flush(&self, mark: Mark) -> Visit {
        let sent = self.flush_outbox();
        let Some(heap) = self.heap.get() else { return sent };
        heap.drain(mark, |pools| self.empty_all(pools)).and(sent)
    }

    /// Gives every block back as its thread ends, and leaves the heap at rest.
    pub(crate) fn retire(&self, mark: Mark) -> Visit {
        let sent = self.flush_outbox();
        let Some(heap) = self.heap.get() else { return sent };
        let visit = heap.rest(mark, |pools| self.empty_all(pools)).and(sent);
        if !heap.keeps_books(mark) {
            self.purge_stacks();
        }
        visit
    }

    /// Gives the memory behind its stacks back, which are empty, if nobody works with the cache.
    pub(crate) fn purge_stacks(&self) {
        // [CACHE-2] from the first slot but one to the last.
        let (first, last) = (self.limits[Bin::NONE.index()].get(), self.limits[BINS - 1].get());
        let start = sys::round_to_pages(first.addr());
        let size = (last.addr() & !(sys::round_to_pages(1) - 1)).saturating_sub(start);
        // Zero is what lies below the first block of a stack.
        // SAFETY: whole pages of the stacks' slots, which hold nothing but zeroes that are needed.
        unsafe { sys::purge(first.cast::<u8>().with_addr(start), size) };
    }

    pub(super) fn empty_all(&self, pools: &mut Pools) {
        for bin in Bin::all() {
            // SAFETY: a stack holds free blocks of its bin, all of the cache's heap.
            unsafe { pools.give(bin, self.empty(bin)) };
        }
    }

    /// Takes all blocks out of the stack of a bin.
    pub(super) fn empty(&self, bin: Bin) -> &[*mut u8] {
        let blocks = self.stack(bin);
        self.tops[bin.index()].set(blocks.as_ptr().cast_mut().wrapping_sub(1));
        blocks
    }
}
