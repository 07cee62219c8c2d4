//! Memory that comes and goes: regions added, joined, found empty and taken out.

use crate::{
    bins::Free,
    engine::Engine,
    policy::Policy,
    region::{Chunk, Region, Table},
    tags::Kind,
};

/// The quick lists may hold this part of the memory.
const QUICK_SHARE: usize = 16;

impl<P: Policy> Engine<P> {
    /// Takes memory that nothing uses: more of a region that it continues, or a region of its own.
    /// Whether it was large enough to be of use.
    pub(crate) unsafe fn add_chunk(&mut self, chunk: Chunk) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            self.has_joined = self.join(chunk);
            let is_useful = self.has_joined || self.add_region(chunk);
            self.quick.set_limit(self.span() / P::GRANULE / QUICK_SHARE);
            is_useful
        }
    }

    unsafe fn add_region(&mut self, chunk: Chunk) -> bool {
        // SAFETY: the caller's promise.
        let Some(table) = (unsafe { Table::create(chunk, self.tables) }) else { return false };
        self.tables = table;
        let region = table.region();
        let (first, last) = (region.first(), region.last());
        // SAFETY: the region is new: all of it becomes one block.
        unsafe {
            region.tags.set(last - 1);
            region.tags.set(last);
            self.renew_top(Free { address: region.address(first), len: last - first });
        }
        true
    }

    /// Joins a chunk to the region that it continues; whether there is one.
    unsafe fn join(&mut self, chunk: Chunk) -> bool {
        let mut previous = Table::NONE;
        let mut table = self.tables;
        while !table.is_none() {
            if table.is_continued_by(chunk) {
                // SAFETY: the caller's promise.
                return unsafe { self.extend(table, previous, chunk) };
            }
            previous = table;
            table = table.next();
        }
        false
    }

    unsafe fn extend(&mut self, table: Table<P>, previous: Table<P>, chunk: Chunk) -> bool {
        let last = table.region().last();
        // SAFETY: the caller's promise.
        let Some(extended) = (unsafe { table.extend(chunk) }) else { return false };
        self.replace(previous, extended);
        let region = extended.region();
        self.region = region;
        let len = region.last() - last;
        // SAFETY: the new granules are nobody's; tagged as a block, they can be freed as one. The
        // P of the first of them was kept from the old end.
        unsafe {
            region.tags.set(last + len - 1);
            self.free(region, last, len);
        }
        true
    }

    /// Puts a table in the place behind `previous`, or first.
    fn replace(&mut self, previous: Table<P>, table: Table<P>) {
        if previous.is_none() {
            self.tables = table;
        } else {
            previous.set_next(table);
        }
    }

    /// Bytes of all regions' blocks.
    pub(crate) fn span(&self) -> usize {
        let mut bytes = 0;
        let mut table = self.tables;
        while !table.is_none() {
            bytes += table.region().span();
            table = table.next();
        }
        bytes
    }

    /// Takes a region out that is empty and all the base's; but keeps one, if asked to, so that
    /// the next request needn't bring it back.
    pub(crate) fn take_empty(&mut self, keep_one: bool) -> Option<Table<P>> {
        let mut kept = !keep_one;
        let mut previous = Table::NONE;
        let mut table = self.tables;
        while !table.is_none() {
            let whole = self.whole(table.region());
            let owned = (0..table.chunk_count()).all(|index| table.chunk(index).owned);
            if let Some(block) = whole.filter(|_| owned) {
                if kept {
                    self.replace(previous, table.next());
                    // SAFETY: the block is free.
                    unsafe { self.withdraw(block) };
                    self.region = Region::NONE;
                    return Some(table);
                }
                kept = true;
            }
            previous = table;
            table = table.next();
        }
        self.has_emptied = false;
        None
    }

    /// The block that a region consists of, if it is a single free one.
    fn whole(&self, region: Region<P>) -> Option<Free> {
        let first = region.first();
        // SAFETY: the first granule is a block's start.
        unsafe {
            match region.tags.kind(first) {
                Kind::Live => None,
                _ => self.free_at(region, first),
            }
        }
        .filter(|block| block.len == region.last() - first)
    }

    /// Whether nothing but free memory lies between a live block's end and the region's.
    pub(crate) unsafe fn is_last(&mut self, address: usize) -> bool {
        let region = self.region_of(address);
        let start = region.granule(address);
        // SAFETY: the block is live.
        unsafe {
            let end = start + region.tags.live_len(start);
            end == region.last()
                || self.free_at(region, end).is_some_and(|next| end + next.len == region.last())
        }
    }
}
