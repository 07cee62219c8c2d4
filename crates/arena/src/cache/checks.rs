//! What can be wrong with a cache.

use crate::{
    books::{
        broken::{Broken, expect},
        report,
        slab::BadFree,
    },
    cache::Cache,
    plan::bins::Bin,
};

impl Cache {
    /// Checks the stacks of the calling thread's cache. O(blocks in the stacks).
    pub(crate) fn validate(&self) -> Result<(), Broken> {
        let Some(heap) = self.heap.get() else { return Ok(()) };
        let mut pools = heap.pools(self.mark());
        for bin in Bin::all() {
            let (top, limit) = (self.tops[bin.index()].get(), self.limits[bin.index()].get());
            let bottom = limit.wrapping_sub(self.stack_size(bin));
            expect(bottom <= top && top <= limit, "CACHE-2: tops")?;
            for &block in self.stack(bin) {
                expect(pools.has(block), "CACHE-3: free")?;
                // SAFETY: the block is of this heap.
                expect(unsafe { pools.is_out(block, bin) }, "CACHE-3: free")?;
            }
        }
        Ok(())
    }

    /// Ends the process with a report if something in a stack isn't a block, or is there twice.
    ///
    /// O(the squares of the stacks' heights).
    pub(crate) fn check(&self) {
        if self.heap.get().is_none() {
            return;
        }
        for bin in Bin::all() {
            let blocks = self.stack(bin);
            for (index, &block) in blocks.iter().enumerate() {
                if !bin.shape().is_start(block) {
                    report::bad_free(bin, BadFree::NotABlock(block));
                }
                if blocks[..index].contains(&block) {
                    report::bad_free(bin, BadFree::Twice(block));
                }
            }
        }
    }
}
