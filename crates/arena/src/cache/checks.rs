//! Checks of a cache.

use core::ptr::null_mut;

use crate::{
    books::{
        broken::{Broken, expect},
        guard, report,
        slab::BadFree,
        windows,
    },
    cache::{Cache, waiting::Waiting, watch::Watch},
    plan::bins::Bin,
};

impl Cache {
    /// Checks the stacks of the calling thread's cache. O(blocks in the stacks).
    pub(crate) fn validate(&self) -> Result<(), Broken> {
        let Some(heap) = self.heap.get() else { return Ok(()) };
        for area in self.outbox.areas() {
            let owner = windows::thread_owner(core::ptr::without_provenance_mut(area));
            expect(owner.is_some_and(|owner| !self.is_of(owner)), "OUTBOX-1: known")?;
        }
        let mut pools = heap.pools(self.mark());
        for bin in Bin::all() {
            let (top, limit) = (self.tops[bin.index()].get(), self.limits[bin.index()].get());
            let bottom = limit.wrapping_sub(self.stack_size(bin));
            expect(bottom <= top && top <= limit, "CACHE-2: tops")?;
            expect(self.has_slots(bin), "CACHE-5: slots")?;
            for &block in self.stack(bin) {
                expect(pools.has(block), "CACHE-3: free")?;
                // SAFETY: `has` found the address in an area of this heap.
                expect(unsafe { pools.is_out(block, bin) }, "CACHE-3: free")?;
            }
        }
        let Some(quarantine) = self.known_quarantine() else { return Ok(()) };
        quarantine.validate()?;
        for Waiting { block, bin } in quarantine.iter() {
            // Others lie in other heaps, whose locks aren't held.
            let is_own = pools.has(block);
            // SAFETY: `has` found the address in an area of this heap.
            expect(!is_own || unsafe { pools.is_out(block, bin) }, "QUARANTINE-2: free")?;
        }
        Ok(())
    }

    /// Whether the stack of a bin lies in the slots given out, above two nulls; or there is none.
    fn has_slots(&self, bin: Bin) -> bool {
        let (first, end) =
            (self.stacks.get(), self.stacks.get().wrapping_add(self.slots_given.get()));
        let limit = self.limits[bin.index()].get();
        let size = self.stack_size(bin);
        // SAFETY: [CACHE-2: tops] below the first block lie two nulls, which the thread may read.
        let nulls = unsafe { [*limit.sub(size), *limit.sub(size + 1)] };
        let lies_within = limit.wrapping_sub(size + 1) >= first && limit < end;
        nulls == [null_mut(); 2] && (size == 0 || lies_within)
    }

    /// Whether the calling thread, whose cache this is, has a freed block in a stack, in its quarantine, or in a batch for its
    /// owner.
    pub(crate) fn holds(&self, bin: Bin, block: *mut u8) -> bool {
        let watch = self.watch.get();
        let under = watch.and_then(Watch::under).unwrap_or(self);
        let stacked = |cache: &Self| cache.stack(bin).contains(&block);
        let waits = || under.known_quarantine().is_some_and(|quarantine| quarantine.has(block));
        stacked(under)
            || watch.is_some_and(|watch| stacked(watch.cache()))
            || under.outbox.has(block)
            || waits()
    }

    /// Ends the process with a report if something in a stack isn't a block, or is there twice, or if a block that waits was
    /// written to.
    ///
    /// O(the squares of the stacks' heights).
    pub(crate) fn check(&'static self) {
        if self.heap.get().is_none() {
            return;
        }
        for bin in Bin::all() {
            let blocks = self.stack(bin);
            for (index, &block) in blocks.iter().enumerate() {
                if !bin.shape_at(block).is_start(block) {
                    report::bad_free(bin, BadFree::NotABlock(block));
                }
                if blocks[..index].contains(&block) {
                    report::bad_free(bin, BadFree::Twice(block));
                }
            }
        }
        for Waiting { block, bin } in self.own().known_quarantine().iter().flat_map(|it| it.iter())
        {
            guard::check_clear(bin, block);
        }
    }
}
