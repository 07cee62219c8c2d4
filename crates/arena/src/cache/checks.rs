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
    plan::bins::{Bin, STACK_MAX},
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

    /// Ends the process with a report if something in a stack isn't a block, or is there twice; in the hardened build, if a
    /// block there or one that waits was written to.
    ///
    /// O(blocks in the stacks).
    pub(crate) fn check(&'static self) {
        if self.heap.get().is_none() {
            return;
        }
        for bin in Bin::all() {
            let blocks = self.stack(bin);
            if let Some(&block) = blocks.iter().find(|&&it| !bin.shape_at(it).is_start(it)) {
                report::bad_free(bin, BadFree::NotABlock(block));
            }
            if let Some(block) = first_twice(blocks) {
                report::bad_free(bin, BadFree::Twice(block));
            }
            for &block in blocks.iter().filter(|_| guard::ON) {
                guard::check_clear(bin, block);
            }
        }
        for Waiting { block, bin } in self.own().known_quarantine().iter().flat_map(|it| it.iter())
        {
            guard::check_clear(bin, block);
        }
    }
}

/// A block that is there twice, of as many as a stack holds. O(blocks).
fn first_twice(blocks: &[*mut u8]) -> Option<*mut u8> {
    // One more than the index of each block, in the first free place from that of its address on.
    let mut places = [0_u8; 2 * STACK_MAX];
    for (index, &block) in blocks.iter().enumerate() {
        let hash = (block.addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let mut place = hash as usize % places.len();
        while let Some(other) = usize::from(places[place]).checked_sub(1) {
            if blocks[other] == block {
                return Some(block);
            }
            place = (place + 1) % places.len();
        }
        places[place] = index as u8 + 1;
    }
    None
}

const _: () = assert!(STACK_MAX < u8::MAX as usize);

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_block_that_a_full_stack_has_twice_is_found() {
        // Of 8 bytes, and of pages, whose addresses agree in their lowest bits.
        for size in [8, 4096] {
            let mut blocks = [null_mut(); STACK_MAX];
            for (number, block) in blocks.iter_mut().enumerate() {
                *block = core::ptr::without_provenance_mut((1 << 40) + number * size);
            }
            assert_eq!(first_twice(&blocks), None);
            for (one, other) in [(0, 1), (0, STACK_MAX - 1), (40, 7)] {
                let (twice, kept) = (blocks[other], blocks[one]);
                blocks[one] = twice;
                assert_eq!(first_twice(&blocks), Some(twice));
                blocks[one] = kept;
            }
        }
    }
}
