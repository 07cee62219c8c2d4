//! Taking blocks back: into the quick lists, or for good.

use crate::{engine::Engine, free::Free, policy::Policy, quick::QUICK};

/// What became of a block that was to be taken back.
pub(crate) enum Release {
    /// It waits in a quick list.
    Quick,
    /// Nothing yet: it ends in another window than it begins in, and is the current region's.
    Far,
    /// Nothing yet: it is another region's, or the quick lists are full.
    Slow,
}

impl Release {
    #[inline(always)]
    const fn of(is_quick: bool) -> Self {
        if is_quick { Self::Quick } else { Self::Slow }
    }
}

impl<P: Policy> Engine<P> {
    /// Takes a live block or cell back if it lies in one window of the current region, and the quick
    /// lists may hold more.
    #[inline(always)]
    pub(crate) unsafe fn release_quick(&mut self, address: usize) -> Release {
        if !self.region.contains(address) {
            return Release::Slow;
        }
        let tags = self.region.tags;
        // SAFETY: the block is live in the region.
        unsafe {
            if Self::is_cell(tags, address) {
                return Release::of(self.quick.push_cell(address));
            }
            let near = tags.near_len(address);
            if near == 0 {
                return Release::Far;
            }
            Release::of(self.quick.push(address, near))
        }
    }

    /// Takes a live block of the current region back that ends in another window than it begins in,
    /// if it is a long one, or the quick lists may hold it; whether it was.
    #[inline(always)]
    pub(crate) unsafe fn release_far(&mut self, address: usize) -> bool {
        let tags = self.region.tags;
        // SAFETY: the block is live, and ends in another window.
        unsafe {
            let size = tags.long_size(address);
            if size <= QUICK * P::GRANULE {
                let len = tags.far_size(address) / P::GRANULE;
                return len <= QUICK && self.quick.push(address, len);
            }
            let end = address + size;
            let (before, behind) = (tags.bit(address), tags.bit(end));
            tags.free_long(address, end);
            self.coalesce(self.region, Free { address, size }, before, behind);
        }
        true
    }

    /// Takes a live block or cell back, whatever it is.
    pub(crate) unsafe fn release(&mut self, address: usize) {
        let region = self.region_of(address);
        // SAFETY: the block is live; consolidated lists have room, or the heap is smaller than blocks.
        unsafe {
            if Self::is_cell(region.tags, address) {
                if !self.quick.push_cell(address) {
                    self.consolidate();
                    self.release_cell(region, address);
                }
                return;
            }
            let size = region.tags.live_size(address);
            let is_short = size <= QUICK * P::GRANULE;
            if is_short && self.quick.push(address, size / P::GRANULE) {
                return;
            }
            if is_short {
                self.consolidate();
            }
            self.free(region, address, size);
        }
    }
}
