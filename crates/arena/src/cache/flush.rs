//! Flushing a cache: giving back all blocks that it holds.

use crate::{
    cache::Cache,
    heap::{Visit, pools::Pools},
    plan::bins::Bin,
    sys::lock::Mark,
};

impl Cache {
    /// Gives every block that the thread holds back to the heaps.
    pub(crate) fn flush(&self, mark: Mark) -> Visit {
        let sent = self.flush_outbox();
        let Some(heap) = self.heap.get() else { return sent };
        heap.drain(mark, |pools| self.empty_all(pools)).and(sent)
    }

    /// Gives every block back as its thread ends, and puts the heap at rest.
    pub(crate) fn retire(&self, mark: Mark) -> Visit {
        let sent = self.flush_outbox();
        let Some(heap) = self.heap.get() else { return sent };
        let visit = heap.rest(mark, |pools| self.empty_all(pools)).and(sent);
        self.take_stacks();
        if !heap.keeps_books(mark) {
            self.purge_stacks();
        }
        visit
    }

    /// Gives the blocks of all stacks to the pools, which are those of the cache's heap.
    fn empty_all(&self, pools: &mut Pools) {
        for bin in Bin::all() {
            // SAFETY: [CACHE-3: free] a stack holds free blocks in slabs of its bin, all of the cache's heap.
            unsafe { pools.give(bin, self.empty(bin)) };
        }
    }

    /// Takes all blocks out of the stack of a bin, and returns them.
    pub(super) fn empty(&self, bin: Bin) -> &[*mut u8] {
        let blocks = self.stack(bin);
        if !blocks.is_empty() {
            self.tops[bin.index()].set(blocks.as_ptr().cast_mut().wrapping_sub(1));
        }
        blocks
    }
}
