//! Chunks that continue a region, upwards or downwards.

use crate::{
    memory::{load, store},
    policy::Policy,
    region::Region,
    table::{Chunk, Header, LEAST, Table, align_down, align_up},
    tags::Tags,
};

/// Where a region and its table come to lie.
struct Plan {
    /// Of the table.
    address: usize,
    start: usize,
    limit: usize,
    /// How many chunks there are then.
    chunks: usize,
}

impl<P: Policy> Table<P> {
    /// Joins a chunk to the region that it continues, upwards or downwards, if both are the base's or
    /// neither is: the table of all. What the region gained before its start isn't tagged yet. None,
    /// and nothing changed, if the chunk doesn't continue the region or has no room for the table.
    ///
    /// Linear in the open part.
    ///
    /// # Safety
    ///
    /// The chunk is memory of the heap that nothing uses.
    pub(crate) unsafe fn extend(self, chunk: Chunk) -> Option<Self> {
        let (first, last) = (self.first_chunk(), self.last_chunk());
        if last.end() == chunk.start && last.owned == chunk.owned {
            let plan = self.plan_up(chunk)?;
            // SAFETY: nothing uses the chunk; the plan leaves live blocks where they are.
            Some(unsafe { self.move_up(&plan, chunk) })
        } else if chunk.end() == first.start && first.owned == chunk.owned {
            let plan = self.plan_down(chunk)?;
            // SAFETY: as above.
            Some(unsafe { self.move_down(&plan, chunk) })
        } else {
            None
        }
    }

    /// Returns how many chunks the region has with this one. What isn't the base's doesn't go back chunk by chunk, and
    /// becomes part of the last.
    fn count_with(self, chunk: Chunk) -> usize {
        self.header().chunks + usize::from(chunk.owned)
    }

    fn plan_up(self, chunk: Chunk) -> Option<Plan> {
        let (header, chunks) = (self.header(), self.count_with(chunk));
        let (is_below, old) = (self.is_below(), header.region);
        let start = if is_below { align_up(self.first_chunk().start)? } else { old.start() };
        let limit = Self::end_below(start, chunk.end(), chunks)?;
        // The table may lie over its old place, but not below it; and not over blocks.
        let least = if is_below { old.end() } else { header.limit };
        (limit >= least).then_some(Plan { address: limit, start, limit, chunks })
    }

    fn plan_down(self, chunk: Chunk) -> Option<Plan> {
        let (header, chunks) = (self.header(), self.count_with(chunk));
        let (is_below, old) = (self.is_below(), header.region);
        let limit = if is_below { header.limit } else { align_down(self.last_chunk().end()) };
        let address = align_up(chunk.start)?;
        let start = Self::start_above(address, limit, chunks)?;
        // As above.
        let most = if is_below { old.start() } else { chunk.end() };
        let is_lower = address + 4 * LEAST <= chunk.end();
        (is_lower && start <= most - LEAST).then_some(Plan { address, start, limit, chunks })
    }

    /// Returns the table in its new place, which lies above the old or apart from it: what lies higher is
    /// moved first.
    unsafe fn move_up(self, plan: &Plan, chunk: Chunk) -> Self {
        let (header, new) = (self.header(), Self::at(plan.address));
        let old = header.region;
        let tags = Tags::<P>::at(plan.address + Self::HEADER, plan.start, plan.limit);
        let chunks = plan.address + Self::HEADER + Tags::<P>::bytes(plan.start, plan.limit);
        // SAFETY: both places are laid out as the plan says [TABLE-1].
        unsafe {
            move_chunks(self.chunk_address(0), chunks, header.chunks);
            add_chunk(chunks, header.chunks, plan.chunks, chunk);
            tags.move_marks(old.tags, old.start(), old.end());
            tags.move_words(old.tags, old.start(), old.end());
            new.finish(tags, plan, header);
        }
        new
    }

    /// Returns the table in its new place, which lies below the old or apart from it: what lies lower is moved
    /// first.
    unsafe fn move_down(self, plan: &Plan, chunk: Chunk) -> Self {
        let (header, new) = (self.header(), Self::at(plan.address));
        let (old, old_chunks) = (header.region, self.chunk_address(0));
        let tags = Tags::<P>::at(plan.address + Self::HEADER, plan.start, plan.limit);
        let chunks = plan.address + Self::HEADER + Tags::<P>::bytes(plan.start, plan.limit);
        let shift = plan.chunks - header.chunks;
        // SAFETY: both places are laid out as the plan says [TABLE-1].
        unsafe {
            tags.move_words(old.tags, old.start(), old.end());
            tags.move_marks(old.tags, old.start(), old.end());
            move_chunks(old_chunks, chunks + shift * size_of::<Chunk>(), header.chunks);
            if shift == 1 {
                store(chunks, chunk);
            } else {
                let above: Chunk = load(chunks);
                store(chunks, Chunk { size: chunk.size + above.size, ..chunk });
            }
            new.finish(tags, plan, header);
        }
        new
    }

    /// Writes the header of a table that has moved, and tags of what it gained below its blocks.
    unsafe fn finish(self, tags: Tags<P>, plan: &Plan, old: Header<P>) {
        let region = Region::new(plan.start, old.region.end(), tags);
        // SAFETY: the new place is laid out as the plan says [TABLE-1].
        unsafe {
            tags.clear_before(plan.start, old.region.start());
            let header = Header { region, limit: plan.limit, next: old.next, chunks: plan.chunks };
            store(self.address, header);
        }
    }
}

/// Moves `count` chunks' records: the places may overlap.
unsafe fn move_chunks(from: usize, to: usize, count: usize) {
    let pointer = core::ptr::with_exposed_provenance_mut::<Chunk>;
    // SAFETY: both places hold `count` records.
    unsafe { pointer(to).copy_from(pointer(from), count) }
}

/// Enters a chunk behind `count` others, or as one with the last of them.
unsafe fn add_chunk(chunks: usize, count: usize, new_count: usize, chunk: Chunk) {
    let last = chunks + (new_count - 1) * size_of::<Chunk>();
    // SAFETY: there is room for `new_count` records, and `count` are there.
    unsafe {
        if count == new_count {
            let below: Chunk = load(last);
            store(last, Chunk { size: below.size + chunk.size, ..below });
        } else {
            store(last, chunk);
        }
    }
}
