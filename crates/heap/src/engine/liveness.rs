//! Whether an address is that of a live block: quickly and nearly, or certainly.

use crate::{
    engine::{Engine, slab::CELL},
    extent::Kind,
    policy::Policy,
    region::Region,
    tags::window_bytes,
};

impl<P: Policy> Engine<P> {
    /// Returns whether an address may be that of a live block or cell, in builds with debug assertions: in
    /// constant time; an address inside a block may pass.
    pub(crate) fn looks_live(&self, address: usize) -> bool {
        match self.tagged_len(address) {
            // SAFETY: by its tags it is a block of the heap.
            Some(len) => !unsafe { self.quick.contains_signed(address, len) },
            None => false,
        }
    }

    /// Returns the granules of the block that seems to start at an address, by its tags, if it is live or
    /// waits in a quick list; 1 for a cell.
    pub(super) fn tagged_len(&self, address: usize) -> Option<usize> {
        let region = self.tables.find(address)?.region();
        let tags = region.tags;
        if address % P::GRANULE != 0 {
            return None;
        }
        // SAFETY: the address is the region's, so its tags are there; what they say is compared
        // before it is believed.
        unsafe {
            if Self::is_cell(tags, address) {
                let offset = address % window_bytes::<P>();
                let is_cell = offset != 0 && offset % CELL == 0 && tags.bit(address);
                return is_cell.then_some(1);
            }
            if !self.looks_like_start(region, address) {
                return None;
            }
            let size = tags.live_size(address);
            let is_block = (Self::MIN..=region.end() - address).contains(&size);
            is_block.then_some(size / P::GRANULE)
        }
    }

    /// Returns whether the tags around an address are as those around the start of a live block.
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
                return self.is_tagged_live(address);
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
        let is_inside = region.contains(block.address) && block.address % P::GRANULE == 0;
        // SAFETY: the bytes at a granule of the region that isn't its last are the region's.
        is_inside && block.size >= Self::MIN && unsafe { self.free_at(block.address) } == block
    }

    /// Returns whether a live block or cell starts at an address: by a walk of all regions.
    pub(crate) fn is_live(&self, address: usize) -> bool {
        let mut len = None;
        self.walk_tags(|extent| {
            if extent.address == address && extent.kind == Kind::Live {
                len = Some(Self::quick_len(extent.size));
            }
        });
        len.is_some_and(|len| !self.quick.contains(address, len))
    }

    /// Returns whether a block or cell starts at an address that is live or waits: by a walk.
    fn is_tagged_live(&self, address: usize) -> bool {
        let mut found = false;
        self.walk_tags(|extent| found |= extent.address == address && extent.kind == Kind::Live);
        found
    }
}
