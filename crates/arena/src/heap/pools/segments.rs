//! Segments and arenas: where slabs and large blocks get theirs, and where these go back to.

use crate::{
    books::{
        arena::{Arena, Claim, Gap, Use},
        reference::{ArenaRef, SegmentRef},
    },
    heap::pools::Pools,
    plan::geometry::Partition,
};

impl Pools {
    /// A vacant segment of a partition, with memory behind it if there is one.
    pub(crate) fn find_segment(&mut self, partition: Partition) -> Option<SegmentRef> {
        // SAFETY: the books of arenas, all of which are in hand.
        let listed = unsafe { self.arenas[partition.number()].warmest() };
        let arena = if listed.is_null() {
            self.claim_arenas(partition, 1, Use::SEGMENTS)?
        } else {
            // SAFETY: [POOLS-3: arenas] listed books are of arenas of this heap.
            unsafe { ArenaRef::of_book(listed) }
        };
        // [POOLS-3: arenas] a listed arena, and a new one, has a segment to offer.
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
        // SAFETY: the books of arenas, all of which are in hand.
        for arenas in unsafe { self.arenas[partition.number()].with_run(count) } {
            for arena in arenas {
                // SAFETY: as above.
                let Some(gap) = (unsafe { (*arena).vacant_run(count) }) else { continue };
                if best.is_none_or(|(best, _): (Gap, _)| gap.is_better_than(best)) {
                    best = Some((gap, arena));
                }
            }
            if best.is_some_and(|(gap, _)| gap.cold == 0) {
                break;
            }
        }
        let (gap, arena) = best?;
        // SAFETY: [POOLS-3: arenas] listed books are of arenas of this heap.
        let arena = unsafe { ArenaRef::of_book(arena) };
        Some((gap, arena.segment(gap.first)))
    }

    /// Lets an arena be found that has segments to offer again, or makes it vacant if none is used.
    pub(crate) fn offer_segments(&mut self, arena: ArenaRef) {
        let book = self.arena(arena);
        if book.used == 0 {
            let book: *mut Arena = book;
            // SAFETY: the books of arenas, all of which are in hand.
            unsafe { self.arenas[arena.place.partition.number()].remove(book) };
            self.books(arena.area).give_arena(arena.place);
        } else {
            self.list_arena(arena);
        }
    }

    /// Leaves a segment out for good where something stands that isn't ours.
    pub(crate) fn leave_out(&mut self, segment: SegmentRef) {
        let book = self.arena(segment.arena());
        book.used |= 1 << segment.place.segment;
        if book.purpose == Use::SEGMENTS {
            self.list_arena(segment.arena());
        }
    }

    /// Lets an arena be found by what it has to offer now.
    pub(crate) fn list_arena(&mut self, arena: ArenaRef) {
        let book: *mut Arena = self.arena(arena);
        // SAFETY: the books of arenas, all of which are in hand.
        unsafe { self.arenas[arena.place.partition.number()].place(book) };
    }

    /// Takes vacant arenas in a row, from a new area if need be; returns the first.
    pub(crate) fn claim_arenas(
        &mut self,
        partition: Partition,
        count: usize,
        purpose: Use,
    ) -> Option<ArenaRef> {
        let claim = Claim { partition, count, purpose, keep: 0, warm: false };
        loop {
            if let Some(found) = self.claim_arenas_here(claim) {
                return Some(found);
            }
            self.claim_area()?;
        }
    }

    /// Takes the first arenas that meet a claim in the areas there are.
    pub(crate) fn claim_arenas_here(&mut self, claim: Claim) -> Option<ArenaRef> {
        let found = self.areas().find_map(|area| {
            let place = self.books(area).take_arenas(claim)?;
            Some(ArenaRef { area, place })
        })?;
        if claim.purpose == Use::SEGMENTS {
            self.list_arena(found);
        }
        Some(found)
    }

    /// Marks a vacant, committed segment used; returns how many of its first bytes aren't known to be zero.
    pub(crate) fn use_segment(&mut self, segment: SegmentRef) -> usize {
        let bit = 1 << segment.place.segment;
        let stale = self.segment(segment).touched as usize;
        let arena = self.arena(segment.arena());
        arena.used |= bit;
        arena.dirty &= !bit;
        self.figures.reuse(stale);
        stale
    }

    /// Notes that nothing is behind a vacant segment any more.
    pub(crate) fn forget_segment(&mut self, segment: SegmentRef) {
        let touched = core::mem::take(&mut self.segment(segment).touched) as usize;
        self.arena(segment.arena()).dirty &= !(1 << segment.place.segment);
        self.figures.reuse(touched);
    }

    /// Marks a used segment vacant, and keeps its memory for the next use.
    pub(crate) fn vacate_segment(&mut self, segment: SegmentRef) {
        let bit = 1 << segment.place.segment;
        let touched = self.segment(segment).touched as usize;
        let arena = self.arena(segment.arena());
        arena.used &= !bit;
        if touched != 0 {
            arena.dirty |= bit;
        }
        self.figures.soil(touched);
    }
}
