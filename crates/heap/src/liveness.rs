//! Whether an address is that of a live block: quickly and nearly, or certainly.

use crate::{
    cells::CELL, engine::Engine, policy::Policy, region::Region, tags::window_bytes, walk::Kind,
};

impl<P: Policy> Engine<P> {
    /// Whether an address may be that of a live block or cell: in constant time but for the quick
    /// list of its size; an address inside a block may pass.
    pub(crate) fn looks_live(&mut self, address: usize) -> bool {
        let region = self.region_of(address);
        if !region.contains(address) || !address.is_multiple_of(P::GRANULE) {
            return false;
        }
        // SAFETY: the address is the region's, so its tags are there; what they say is compared
        // before it is believed.
        unsafe {
            if Self::is_cell(region.tags, address) {
                let offset = address % window_bytes::<P>();
                let is_cell = offset != 0 && offset.is_multiple_of(CELL);
                return is_cell && region.tags.bit(address) && !self.quick.contains(address, 1);
            }
            if !self.looks_like_start(region, address) {
                return false;
            }
            let size = region.tags.live_size(address);
            size <= region.end() - address && !self.quick.contains(address, size / P::GRANULE)
        }
    }

    /// Whether the tags around an address are as those around the start of a live block.
    unsafe fn looks_like_start(&self, region: Region<P>, address: usize) -> bool {
        let tags = region.tags;
        // SAFETY: the address is the region's; before its start nothing is read.
        unsafe {
            if address == region.start() {
                return !tags.bit(address);
            }
            let last = address - P::GRANULE;
            if Self::is_cell(tags, last) {
                return !tags.bit(address);
            }
            if tags.may_be_size(address, region.span()) {
                return self.is_live(address);
            }
            match (tags.bit(last), tags.bit(address)) {
                (true, is_free_behind_live) => !is_free_behind_live,
                (false, true) => self.is_free_before(region, address),
                (false, false) => tags.ends_long(address, region.start()),
            }
        }
    }

    unsafe fn is_free_before(&self, region: Region<P>, end: usize) -> bool {
        // SAFETY: the bytes before the address are the region's.
        let block = unsafe { self.free_before(end) };
        let is_inside = region.contains(block.address) && block.address.is_multiple_of(P::GRANULE);
        // SAFETY: the bytes at a granule of the region that isn't its last are the region's.
        is_inside && block.size >= Self::MIN && unsafe { self.free_at(block.address) } == block
    }

    /// Whether a live block or cell starts at an address: by a walk of all regions.
    pub(crate) fn is_live(&self, address: usize) -> bool {
        let mut found = false;
        self.walk(|extent| found |= extent.address == address && extent.kind == Kind::Live);
        found
    }
}
