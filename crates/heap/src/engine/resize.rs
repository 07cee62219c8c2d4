//! Resizing: in place, into the free neighbour behind, then into the one before.

use core::ptr::{with_exposed_provenance, with_exposed_provenance_mut};

use crate::{
    engine::{Engine, slab::CELL},
    free::Free,
    memory::{unused, used},
    policy::Policy,
    region::Region,
};

impl<P: Policy> Engine<P> {
    /// Blocks above this many bytes are moved to where they have room to grow.
    const ROOMY: usize = 4096;

    /// Returns the bytes of a live block or cell.
    #[inline]
    pub(crate) unsafe fn usable(&mut self, address: usize) -> usize {
        let region = self.region_of(address);
        // SAFETY: the block is live in this region.
        unsafe {
            if Self::is_cell(region.tags, address) { CELL } else { region.tags.live_size(address) }
        }
    }

    /// Makes a live block or cell serve `request` bytes at the same address; whether that was
    /// possible.
    pub(crate) unsafe fn resize_in_place(&mut self, address: usize, request: usize) -> bool {
        let region = self.region_of(address);
        // SAFETY: the block is live; its successor is a block too.
        unsafe {
            if Self::is_cell(region.tags, address) {
                return request <= CELL;
            }
            let size = Self::block_size(request);
            let old = region.tags.live_size(address);
            if size <= old {
                self.shrink(region, Free { address, size: old }, size);
                return true;
            }
            let end = address + old;
            if !region.tags.bit(end) || old + self.free_at(end).size < size {
                return false;
            }
            let (next, is_top) = self.withdraw_at(end);
            let new_end = Self::end_within(address, size, next.end());
            region.tags.resize(address, end, new_end);
            used(end, new_end - end);
            self.restore(Free { address: new_end, size: next.end() - new_end }, is_top);
        }
        true
    }

    /// Cuts a live block's end off and frees it, if it is long enough to be a block.
    unsafe fn shrink(&mut self, region: Region<P>, block: Free, size: usize) {
        let (end, new_end) = (block.end(), block.address + size);
        if end - new_end < Self::MIN {
            return;
        }
        // SAFETY: the block is live, and its tail becomes a block behind a live one.
        unsafe {
            let behind = region.tags.bit(end);
            region.tags.resize(block.address, end, new_end);
            unused(new_end, end - new_end);
            self.coalesce(region, Free { address: new_end, size: end - new_end }, false, behind);
        }
    }

    /// Moves a long live block to the start of the top, to serve `request` bytes, if the top has a
    /// quarter more and the block's neighbours don't: its new address, or 0. There it can grow in
    /// place, so that many small steps don't copy it each time.
    pub(crate) unsafe fn resize_to_top(&mut self, address: usize, request: usize) -> usize {
        let region = self.region_of(address);
        let (size, top) = (Self::block_size(request), self.top);
        let ample = size + size / 4;
        // SAFETY: the block is live, and the top is free; the content is copied before the block is
        // freed.
        unsafe {
            if size <= Self::ROOMY || top.size < ample || Self::is_cell(region.tags, address) {
                return 0;
            }
            let old = region.tags.live_size(address);
            let is_behind_top = region.tags.bit(address) && top.end() == address;
            if is_behind_top || size <= old {
                return 0;
            }
            let start = top.address;
            used(start, size);
            let from = with_exposed_provenance::<u8>(address);
            with_exposed_provenance_mut::<u8>(start).copy_from_nonoverlapping(from, old);
            self.region_of(start).tags.allocate(start, start + size);
            self.top = Free { address: start + size, size: top.size - size };
            unused(address, old);
            self.free(region, address, old);
            start
        }
    }

    /// Moves a live block down into the free block before it, with the one behind if need be, to
    /// serve `request` bytes: its new address, or 0.
    pub(crate) unsafe fn resize_down(&mut self, address: usize, request: usize) -> usize {
        let region = self.region_of(address);
        // SAFETY: the block is live, and its neighbours are as [TAGS-1] to [TAGS-4] say; its content is moved
        // before anything is written into the blocks that it moves out of.
        unsafe {
            if Self::is_cell(region.tags, address) || !region.tags.bit(address) {
                return 0;
            }
            let (size, old) = (Self::block_size(request), region.tags.live_size(address));
            let start = self.free_before(address).address;
            let has_next = region.tags.bit(address + old);
            let limit = if has_next { self.free_at(address + old).end() } else { address + old };
            if limit - start < size {
                return 0;
            }
            let (_, mut is_top) = self.withdraw_at(start);
            if has_next {
                is_top |= self.withdraw_at(address + old).1;
            }
            used(start, limit - start);
            let from = with_exposed_provenance::<u8>(address);
            with_exposed_provenance_mut::<u8>(start).copy_from(from, old);
            let end = Self::end_within(start, size, limit);
            region.tags.free(address, address + old);
            region.tags.allocate(start, end);
            unused(end, limit - end);
            self.restore(Free { address: end, size: limit - end }, is_top);
            start
        }
    }
}
