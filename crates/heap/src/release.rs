//! Taking blocks back: into the quick lists, or for good.

use crate::{engine::Engine, policy::Policy, quick::QUICK};

impl<P: Policy> Engine<P> {
    /// Takes a live block or cell of the current region back, if it ends in the window in which it
    /// begins, and the quick lists may hold more.
    #[inline(always)]
    pub(crate) unsafe fn release_quick(&mut self, address: usize) -> bool {
        if !self.region.contains(address) {
            return false;
        }
        let tags = self.region.tags;
        // SAFETY: the block is live in the region.
        unsafe {
            let len = if Self::is_cell(tags, address) { 1 } else { tags.near_len(address) };
            len != 0 && self.quick.push(address, len)
        }
    }

    /// Takes a block back that is no short one: whether it was such.
    #[inline(always)]
    pub(crate) unsafe fn release_long(&mut self, address: usize) -> bool {
        let region = self.region_of(address);
        // SAFETY: the block is live in the region.
        unsafe {
            if Self::is_cell(region.tags, address) {
                return false;
            }
            let size = region.tags.live_size(address);
            if size <= QUICK * P::GRANULE {
                return false;
            }
            self.free(region, address, size);
            true
        }
    }

    /// Takes a short block or a cell back, wherever it lies.
    pub(crate) unsafe fn release_short(&mut self, address: usize) {
        let region = self.region_of(address);
        // SAFETY: the block is live; settled lists have room, or the heap is smaller than blocks.
        unsafe {
            let is_cell = Self::is_cell(region.tags, address);
            let len = if is_cell { 1 } else { region.tags.live_size(address) / P::GRANULE };
            if self.quick.push(address, len) {
                return;
            }
            self.settle();
            let region = self.region_of(address);
            if is_cell {
                self.release_cell(region, address);
            } else {
                self.free(region, address, len * P::GRANULE);
            }
        }
    }
}
