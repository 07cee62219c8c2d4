//! Memory that comes and goes: regions added, joined, found empty and taken out.

use crate::{
    engine::Engine,
    free::Free,
    memory::unused,
    policy::Policy,
    region::Region,
    table::{ALIGN, Chunk, Table},
};

/// A region is opened by at least this many bytes: most regions are opened at once, so that requests
/// which take the far end have all of it; the tags of large ones are written as they are needed,
const OPENED_AT_ONCE: usize = 64 << 20;

/// and by at least this part of what is open.
const OPENED: usize = 4;

impl<P: Policy> Engine<P> {
    /// Takes memory that nothing uses: more of a region that it continues, or a region of its own.
    /// Whether it was large enough to be of use.
    pub(crate) unsafe fn add_chunk(&mut self, chunk: Chunk) -> bool {
        // SAFETY: nothing uses the chunk's memory.
        unsafe {
            self.has_joined = self.join(chunk);
            self.grows |= chunk.owned;
            let is_useful = self.has_joined || self.add_region(chunk);
            self.mark_unused(chunk);
            self.quick.set_limit(self.span() / P::GRANULE);
            is_useful
        }
    }

    unsafe fn add_region(&mut self, chunk: Chunk) -> bool {
        // SAFETY: nothing uses the chunk's memory.
        let Some(table) = (unsafe { Table::create(chunk) }) else { return false };
        self.enter(table);
        self.open_to(table, Self::open_end(table, 0));
        true
    }

    /// Opens more of a region, so that its last block is free and has at least `size` bytes; whether
    /// one had as much left.
    pub(crate) fn open(&mut self, size: usize) -> bool {
        let mut table = self.tables;
        while !table.is_none() {
            let region = table.region();
            let last = self.last_free(region);
            let rest = table.limit() - region.end();
            if rest >= Self::MIN && last.size + rest >= size {
                self.open_to(table, Self::open_end(table, size.saturating_sub(last.size)));
                return true;
            }
            table = table.next();
        }
        false
    }

    /// Opens more of a live block's region, if the block is the last, so that it can grow to serve
    /// `request` bytes; whether that was possible. No cell is the last.
    pub(crate) unsafe fn open_behind(&mut self, address: usize, request: usize) -> bool {
        let Some(table) = self.tables.find(address) else { return false };
        let region = table.region();
        // SAFETY: the block is live in this region.
        unsafe {
            let end = address + Self::block_size(request);
            if Self::is_cell(region.tags, address) || end > table.limit() || end <= region.end() {
                return false;
            }
            let is_last = self.is_last(address);
            if is_last && table.limit() - region.end() >= Self::MIN {
                self.open_to(table, Self::open_end(table, end - region.end()));
            }
            is_last
        }
    }

    /// Returns where a region ends when `needed` more bytes are opened, and some more, so that no rest is too
    /// short for a block.
    fn open_end(table: Table<P>, needed: usize) -> usize {
        let (region, limit) = (table.region(), table.limit());
        let at_once = if P::BOUNDED { usize::MAX } else { OPENED_AT_ONCE };
        let more = needed.max(region.span() / OPENED / ALIGN * ALIGN).max(at_once);
        if more > limit - region.end() - Self::MIN { limit } else { region.end() + more }
    }

    fn open_to(&mut self, table: Table<P>, end: usize) {
        let old = table.region();
        let last = self.last_free(old);
        // SAFETY: the stretch up to the limit is nobody's; the last block before it is free or live,
        // as the B behind it tells, which moves to the new end.
        unsafe {
            if last.size != 0 {
                self.withdraw_at(last.address);
            }
            let region = table.open(end);
            region.tags.toggle(old.end());
            region.tags.toggle(end);
            self.region = region;
            let start = old.end() - last.size;
            self.renew_top(Free { address: start, size: end - start });
        }
        self.quick.set_limit(self.span() / P::GRANULE);
    }

    /// Returns the free block at the end of a region; none if the last block is live, or nothing is open.
    fn last_free(&self, region: Region<P>) -> Free {
        // SAFETY: the B behind the last block shows whether it is free.
        unsafe {
            if region.span() != 0 && region.tags.bit(region.end()) {
                self.free_before(region.end())
            } else {
                Free::NONE
            }
        }
    }

    /// Enters a table among those of all regions, by address.
    fn enter(&mut self, table: Table<P>) {
        let mut previous = Table::NONE;
        let mut next = self.tables;
        while !next.is_none() && next.region().start() < table.region().start() {
            previous = next;
            next = next.next();
        }
        table.set_next(next);
        self.replace(previous, table);
    }

    /// Joins a chunk to the region that it continues; whether there is one.
    unsafe fn join(&mut self, chunk: Chunk) -> bool {
        let mut previous = Table::NONE;
        let mut table = self.tables;
        while !table.is_none() {
            let old = table.region();
            // SAFETY: nothing uses the chunk's memory.
            if let Some(extended) = unsafe { table.extend(chunk) } {
                self.replace(previous, extended);
                self.region = extended.region();
                // SAFETY: what the region gained before its start is nobody's.
                unsafe { self.add_stretch(self.region.start(), old.start()) };
                return true;
            }
            previous = table;
            table = table.next();
        }
        false
    }

    /// Frees an untagged stretch of the current region.
    unsafe fn add_stretch(&mut self, start: usize, end: usize) {
        if start < end {
            let region = self.region;
            // SAFETY: its bits are zero but for the B behind, which concerns the block there alone;
            // the other side begins the region.
            unsafe {
                let (before, behind) = (region.tags.bit(start), region.tags.bit(end));
                region.tags.toggle(start);
                region.tags.toggle(end);
                self.coalesce(region, Free { address: start, size: end - start }, before, behind);
            }
        }
    }

    /// Marks for `AddressSanitizer` what of a chunk that was just taken is free: all but the table.
    fn mark_unused(&self, chunk: Chunk) {
        let mut table = self.tables;
        while cfg!(asan) && !table.is_none() {
            let region = table.region();
            let (start, end) = (region.start().max(chunk.start), table.limit().min(chunk.end()));
            if start < end {
                unused(start, end - start);
            }
            table = table.next();
        }
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
            let region = table.region();
            if self.is_empty(region) && table.chunks().all(|chunk| chunk.owned) {
                if kept {
                    self.replace(previous, table.next());
                    // SAFETY: the block is free.
                    unsafe { self.withdraw_at(region.start()) };
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

    /// Returns whether a region consists of a single free block.
    fn is_empty(&self, region: Region<P>) -> bool {
        // SAFETY: the region starts with a block, which is free if its B is set.
        unsafe {
            region.tags.bit(region.start()) && self.free_at(region.start()).end() == region.end()
        }
    }

    /// Returns whether nothing but free memory lies between a live block's end and the region's.
    pub(crate) unsafe fn is_last(&mut self, address: usize) -> bool {
        let region = self.region_of(address);
        // SAFETY: the block is live, so that the B behind it is the next one's.
        unsafe {
            let end = address + region.tags.live_size(address);
            end == region.end() || (region.tags.bit(end) && self.free_at(end).end() == region.end())
        }
    }
}
