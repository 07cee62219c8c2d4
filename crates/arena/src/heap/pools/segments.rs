//! Segments and arenas: where slabs and large blocks get theirs, and where these go back to.

use crate::{
    books::{
        area::Area,
        arena::{Arena, Claim, Gap, Use},
    },
    heap::pools::Pools,
    plan::geometry::{ArenaPlace, Partition, SegmentPlace},
};

impl Pools {
    /// A vacant segment of a partition, with memory behind it if there is one.
    pub(crate) fn find_segment(
        &mut self,
        partition: Partition,
    ) -> Option<(*mut Area, SegmentPlace)> {
        // SAFETY: the books of arenas, all of which are in hand.
        let listed = unsafe { self.arenas[partition.number()].warmest() };
        let (area, place) = if listed.is_null() {
            self.claim_arenas(partition, 1, Use::SEGMENTS)?
        } else {
            Area::place_of(listed)
        };
        // [POOLS-3] a listed arena, and a new one, has a segment to offer.
        let segment = self.books(area).arena(place).vacant_segment(place.first_slab())?;
        Some((area, place.segment(segment)))
    }

    /// The place in a partition's listed arenas for `count` segments in a row that has the most memory
    /// behind it, and of several, that which leaves the least beside it.
    pub(crate) fn find_gap(
        &mut self,
        partition: Partition,
        count: usize,
    ) -> Option<(Gap, *mut Area, SegmentPlace)> {
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
        let (area, place) = Area::place_of(arena);
        Some((gap, area, place.segment(gap.first)))
    }

    /// Lets an arena be found that has segments to offer again, or makes it vacant if none is used.
    pub(crate) fn offer_segments(&mut self, area: *mut Area, place: ArenaPlace) {
        let arena = self.books(area).arena(place);
        if arena.used == 0 {
            let arena: *mut Arena = arena;
            // SAFETY: the books of arenas, all of which are in hand.
            unsafe { self.arenas[place.partition.number()].remove(arena) };
            self.books(area).give_arena(place);
        } else {
            self.list_arena(area, place);
        }
    }

    /// Leaves a segment out for good where something stands that isn't ours.
    pub(crate) fn leave_out(&mut self, area: *mut Area, place: ArenaPlace, segment: usize) {
        let arena = self.books(area).arena(place);
        arena.used |= 1 << segment;
        if arena.purpose == Use::SEGMENTS {
            self.list_arena(area, place);
        }
    }

    /// Lets an arena be found by what it has to offer now.
    pub(crate) fn list_arena(&mut self, area: *mut Area, place: ArenaPlace) {
        let arena: *mut Arena = self.books(area).arena(place);
        // SAFETY: the books of arenas, all of which are in hand.
        unsafe { self.arenas[place.partition.number()].place(arena) };
    }

    /// Takes vacant arenas in a row, from a new area if need be.
    pub(crate) fn claim_arenas(
        &mut self,
        partition: Partition,
        count: usize,
        purpose: Use,
    ) -> Option<(*mut Area, ArenaPlace)> {
        let claim = Claim { partition, count, purpose, keep: 0, warm: false };
        loop {
            if let Some(found) = self.claim_arenas_here(claim) {
                return Some(found);
            }
            self.claim_area()?;
        }
    }

    /// Takes the first arenas that meet a claim in the areas there are.
    pub(crate) fn claim_arenas_here(&mut self, claim: Claim) -> Option<(*mut Area, ArenaPlace)> {
        let mut area = self.areas;
        while !area.is_null() {
            let books = self.books(area);
            if let Some(place) = books.take_arenas(claim) {
                if claim.purpose == Use::SEGMENTS {
                    self.list_arena(area, place);
                }
                return Some((area, place));
            }
            area = books.next;
        }
        None
    }

    /// Marks a vacant, committed segment used; says how many of its first bytes aren't known to be
    /// zero.
    pub(crate) fn use_segment(&mut self, area: *mut Area, place: SegmentPlace) -> usize {
        let bit = 1 << place.segment;
        let books = self.books(area);
        let stale = books.segment(place).touched as usize;
        let arena = books.arena(place.arena);
        arena.used |= bit;
        arena.dirty &= !bit;
        self.figures.reuse(stale);
        stale
    }

    /// Notes that nothing is behind a vacant segment any more.
    pub(crate) fn forget_segment(&mut self, area: *mut Area, place: SegmentPlace) {
        let books = self.books(area);
        let touched = core::mem::take(&mut books.segment(place).touched) as usize;
        books.arena(place.arena).dirty &= !(1 << place.segment);
        self.figures.reuse(touched);
    }

    /// Marks a used segment vacant, and keeps its memory for the next use.
    pub(crate) fn vacate_segment(&mut self, area: *mut Area, place: SegmentPlace) {
        let bit = 1 << place.segment;
        let books = self.books(area);
        let touched = books.segment(place).touched as usize;
        let arena = books.arena(place.arena);
        arena.used &= !bit;
        if touched != 0 {
            arena.dirty |= bit;
        }
        self.figures.soil(touched);
    }
}
