//! Resizing: in place, into the free neighbour behind, then into the one before.

use crate::{bins::Free, cells::CELL, engine::Engine, policy::Policy};

impl<P: Policy> Engine<P> {
    /// The bytes of a live block or cell.
    #[inline]
    pub(crate) unsafe fn usable(&mut self, address: usize) -> usize {
        let region = self.region_of(address);
        let start = region.granule(address);
        // SAFETY: the caller's promise.
        unsafe {
            if Self::is_cell(region, start) {
                CELL
            } else {
                region.tags.live_len(start) * P::GRANULE
            }
        }
    }

    /// Makes a live block or cell `len` granules long, for `size` bytes, at the same address;
    /// whether that was possible.
    pub(crate) unsafe fn resize_in_place(
        &mut self,
        address: usize,
        size: usize,
        len: usize,
    ) -> bool {
        let region = self.region_of(address);
        let start = region.granule(address);
        // SAFETY: the block is live; its successor is a block too.
        unsafe {
            if Self::is_cell(region, start) {
                return size <= CELL;
            }
            let old = region.tags.live_len(start);
            if len <= old {
                self.shrink(address, old, len);
                return true;
            }
            let Some(next) = self.free_at(region, start + old) else { return false };
            if old + next.len < len {
                return false;
            }
            region.tags.unmark_live(start, old);
            region.tags.clear(start + old - 1);
            let is_top = self.withdraw(next);
            let rest = Self::cut(region, start, old + next.len, len);
            self.restore(rest, is_top);
        }
        true
    }

    /// Cuts a live block's end off and frees it, if it is long enough to be a block.
    unsafe fn shrink(&mut self, address: usize, old: usize, len: usize) {
        if old - len < Self::MIN_LEN {
            return;
        }
        let region = self.region_of(address);
        let start = region.granule(address);
        // SAFETY: the block is live; its tail becomes a block whose predecessor is live.
        unsafe {
            region.tags.unmark_live(start, old);
            region.tags.set(start + len - 1);
            region.tags.mark_live(start, len);
            self.free(region, start + len, old - len);
        }
    }

    /// Moves a live block down into the free block before it, with the one behind if need be, and
    /// makes it `len` granules long: its new address.
    pub(crate) unsafe fn resize_down(&mut self, address: usize, len: usize) -> Option<usize> {
        let region = self.region_of(address);
        let start = region.granule(address);
        // SAFETY: the block is live, and its neighbours are as T1 to T4 say; its content is moved
        // before anything is written into the blocks that it moves out of.
        unsafe {
            if Self::is_cell(region, start) || !region.tags.bit(start) {
                return None;
            }
            let old = region.tags.live_len(start);
            let before = self.free_before(region, start);
            let next = self.free_at(region, start + old).unwrap_or(Free::NONE);
            let whole = before.len + old + next.len;
            if whole < len {
                return None;
            }
            region.tags.unmark_live(start, old);
            let mut is_top = self.withdraw(before);
            region.tags.clear(start - 1);
            region.tags.clear(start);
            if next.len != 0 {
                is_top |= self.withdraw(next);
                region.tags.clear(start + old - 1);
            } else {
                region.tags.set(start + old);
            }
            let from = core::ptr::with_exposed_provenance::<u8>(address);
            let to = core::ptr::with_exposed_provenance_mut::<u8>(before.address);
            to.copy_from(from, old * P::GRANULE);
            let rest = Self::cut(region, start - before.len, whole, len);
            self.restore(rest, is_top);
            Some(before.address)
        }
    }

    /// Files what a cut left, or makes it the top again.
    unsafe fn restore(&mut self, rest: Free, was_top: bool) {
        if was_top {
            self.top = rest;
        } else if rest.len != 0 {
            // SAFETY: it is free and in no bin.
            unsafe { self.bins.insert(rest) }
        }
    }
}
