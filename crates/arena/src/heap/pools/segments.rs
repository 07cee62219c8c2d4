//! Segments and arenas: finding vacant ones for slabs and large blocks, and taking them back.

use crate::{
    books::{
        arena::{Arena, Claim, Gap, Use, run_mask},
        reference::{ArenaRef, SegmentRef},
    },
    heap::pools::Pools,
    plan::geometry::{PARTITIONS, Partition},
};

/// The index in which arenas with first slabs are listed, behind those of the partitions.
pub(super) const OF_FIRST_SLABS: usize = PARTITIONS;

/// The index in which an arena is listed.
fn index_of(arena: ArenaRef, book: &Arena) -> usize {
    match book.purpose {
        Use::FIRST_SLABS => OF_FIRST_SLABS,
        _ => arena.place.partition.number(),
    }
}

impl Pools {
    /// A vacant segment of a partition, with memory behind it if there is one.
    pub(crate) fn find_segment(&mut self, partition: Partition) -> Option<SegmentRef> {
        // SAFETY: [POOLS-1: areas] listed books are touched only through these pools, which are borrowed mutably.
        let listed = unsafe { self.arenas[partition.number()].warmest() };
        let arena = if listed.is_null() {
            self.claim_arenas(partition, 1, Use::SEGMENTS)?
        } else {
            // SAFETY: [POOLS-1: areas] listed books are those of arenas in areas of this heap.
            unsafe { ArenaRef::of_book(listed) }
        };
        // [ARENA-3: listed] a listed arena, and a new one, has a vacant segment.
        let segment = self.arena(arena).vacant_segment(arena.place.first_slab())?;
        Some(arena.segment(segment))
    }

    /// The place in a partition's listed arenas for `count` segments in a row that has the most memory
    /// behind it, and of several, that which leaves the least beside it.
    pub(crate) fn find_gap(
        &mut self,
        partition: Partition,
        count: usize,
    ) -> Option<(Gap, SegmentRef)> {
        let mut best = None;
        // SAFETY: [POOLS-1: areas] listed books are touched only through these pools, which are borrowed mutably; no
        // list changes meanwhile.
        for arenas in unsafe { self.arenas[partition.number()].with_run(count) } {
            for arena in arenas {
                // SAFETY: a listed book, as above.
                let Some(gap) = (unsafe { (*arena).vacant_run(count) }) else { continue };
                if best.is_none_or(|(best, _): (Gap, _)| gap.is_better_than(best)) {
                    best = Some((gap, arena));
                }
            }
            if best.is_some_and(|(gap, _)| gap.unfit == 0) {
                break;
            }
        }
        let (gap, arena) = best?;
        // SAFETY: [POOLS-1: areas] listed books are those of arenas in areas of this heap.
        let arena = unsafe { ArenaRef::of_book(arena) };
        Some((gap, arena.segment(gap.first)))
    }

    /// Lists an arena by its vacant segments, or makes it vacant if no segment is used.
    pub(crate) fn offer_segments(&mut self, arena: ArenaRef) {
        let book = self.arena(arena);
        if book.used == 0 {
            let index = index_of(arena, book);
            let book: *mut Arena = book;
            // SAFETY: [POOLS-1: areas] these books are touched only through these pools, which are borrowed mutably; the
            // arena is listed in its partition's index, or nowhere.
            unsafe { self.arenas[index].remove(book) };
            self.books(arena.area).give_arena(arena.place);
        } else {
            self.list_arena(arena);
        }
    }

    /// Leaves a segment out for good, in which a mapping stands that isn't ours.
    pub(crate) fn leave_out(&mut self, segment: SegmentRef) {
        let book = self.arena(segment.arena());
        book.used |= 1 << segment.place.segment;
        if book.purpose.is_of_segments() {
            self.list_arena(segment.arena());
        }
    }

    /// Lists an arena by the vacant segments that it has now.
    pub(crate) fn list_arena(&mut self, arena: ArenaRef) {
        let book = self.arena(arena);
        let (index, book) = (index_of(arena, book), core::ptr::from_mut(book));
        // SAFETY: [POOLS-1: areas] these books are touched only through these pools, which are borrowed mutably; the
        // arena is listed in its partition's index, or nowhere.
        unsafe { self.arenas[index].place(book) };
    }

    /// Takes vacant arenas in a row, from a new area if need be; returns the first.
    pub(crate) fn claim_arenas(
        &mut self,
        partition: Partition,
        count: usize,
        purpose: Use,
    ) -> Option<ArenaRef> {
        let claim = Claim { partition, count, purpose, keep: 0, warm: None };
        loop {
            if let Some(found) = self.claim_arenas_here(claim) {
                return Some(found);
            }
            self.claim_area()?;
        }
    }

    /// The first vacant arenas of this heap that meet a claim, or those whose warm memory is nearest to what it wants; with the
    /// bytes by which it differs.
    pub(crate) fn find_arenas(&mut self, claim: Claim) -> Option<(usize, ArenaRef)> {
        let mut found = self.areas().filter_map(|area| {
            let (misfit, place) = self.books(area).find_arenas(claim)?;
            Some((misfit, ArenaRef { area, place }))
        });
        if claim.warm.is_none() {
            return found.next();
        }
        found.min_by_key(|&(misfit, _)| misfit)
    }

    /// Takes the arenas that were found for a claim, if their books can be had.
    pub(crate) fn take_arenas(&mut self, found: ArenaRef, claim: Claim) -> Option<ArenaRef> {
        if !self.books(found.area).take_arenas(found.place, claim) {
            return None;
        }
        if claim.purpose.is_of_segments() {
            self.list_arena(found);
        }
        Some(found)
    }

    /// Takes arenas that meet a claim in the areas there are.
    pub(crate) fn claim_arenas_here(&mut self, claim: Claim) -> Option<ArenaRef> {
        let (_, found) = self.find_arenas(claim)?;
        self.take_arenas(found, claim)
    }

    /// Marks a vacant, committed segment used; returns how many of its first bytes aren't known to be zero.
    pub(crate) fn use_segment(&mut self, segment: SegmentRef) -> usize {
        self.use_segments(segment, 1)
    }

    /// The same of `count` segments of an arena, from the first on.
    pub(crate) fn use_segments(&mut self, first: SegmentRef, count: usize) -> usize {
        let size = first.place.arena.partition.segment_size();
        let (mut stale, mut all) = (0, 0);
        let mut before = 0;
        self.books(first.area).each_segment(first.place, count, |segment| {
            let touched = segment.touched as usize;
            stale = if touched == 0 { stale } else { before + touched };
            all += touched;
            before += size;
        });
        self.note_used(first, count, all);
        stale
    }

    /// Marks vacant segments of an arena used, all of which but the last are touched to their ends, and the last is touched;
    /// returns how many of their first bytes aren't known to be zero. O(1).
    pub(crate) fn use_touched(&mut self, first: SegmentRef, count: usize) -> usize {
        let all = self.touched_bytes(first, count);
        self.note_used(first, count, all);
        all
    }

    /// Notes that vacant segments of an arena, of which so many bytes are touched, are used.
    fn note_used(&mut self, first: SegmentRef, count: usize, touched: usize) {
        let segments = run_mask(first.place.segment, count);
        let arena = self.arena(first.arena());
        arena.used |= segments;
        arena.dirty &= !segments;
        self.figures.reuse(touched);
    }

    /// The touched bytes of such segments.
    fn touched_bytes(&mut self, first: SegmentRef, count: usize) -> usize {
        let size = first.place.arena.partition.segment_size();
        let last = first.arena().segment(first.place.segment + count - 1);
        (count - 1) * size + self.segment(last).touched as usize
    }

    /// Notes that a vacant segment has no memory behind it any more.
    pub(crate) fn forget_segment(&mut self, segment: SegmentRef) {
        let touched = core::mem::take(&mut self.segment(segment).touched) as usize;
        self.arena(segment.arena()).dirty &= !(1 << segment.place.segment);
        self.figures.reuse(touched);
    }

    /// Marks a used segment vacant, and keeps its memory for the next use.
    pub(crate) fn vacate_segment(&mut self, segment: SegmentRef) {
        self.vacate_segments(segment, 1);
    }

    /// The same of `count` segments of an arena, from the first on.
    pub(crate) fn vacate_segments(&mut self, first: SegmentRef, count: usize) {
        let (mut dirty, mut all, mut bit) = (0, 0, 1 << first.place.segment);
        self.books(first.area).each_segment(first.place, count, |segment| {
            dirty |= if segment.touched == 0 { 0 } else { bit };
            all += segment.touched as usize;
            bit <<= 1;
        });
        self.note_vacant(first, count, dirty, all);
    }

    /// The same where all but the last are touched to their ends, and the last is touched. O(1).
    pub(crate) fn vacate_touched(&mut self, first: SegmentRef, count: usize) {
        let all = self.touched_bytes(first, count);
        self.note_vacant(first, count, run_mask(first.place.segment, count), all);
    }

    /// Notes that segments of an arena are vacant, those of the mask `dirty` with memory, and so many bytes of them touched.
    fn note_vacant(&mut self, first: SegmentRef, count: usize, dirty: u64, touched: usize) {
        let arena = self.arena(first.arena());
        arena.used &= !run_mask(first.place.segment, count);
        arena.dirty |= dirty;
        self.figures.add_dirty(touched);
    }
}
