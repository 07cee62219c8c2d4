//! Behind which segments of an arena huge pages are asked for. Where the system gives them unasked, small ones are asked for
//! behind all others as they are mapped.
//!
//! The system goes on to look for places where one could be: where memory went back and some is left beside it, it would bring
//! all of it again, within minutes or hours.

use core::ptr::NonNull;

use crate::{
    books::{
        area::Books,
        arena::{Arena, run_mask, stretches},
    },
    plan::geometry::{ArenaPlace, Partition, SEGMENTS, SegmentPlace},
    policy::huge_pages,
    sys::{self, mappings},
    thresholds::HUGE_PAGE,
};

/// The segments of a partition that a huge page has, or one that has several.
pub(crate) fn in_huge_page(partition: Partition) -> usize {
    (HUGE_PAGE / partition.segment_size()).max(1)
}

impl Books {
    fn set_huge(&mut self, place: ArenaPlace, segments: u64) {
        let arena = self.arena(place);
        let before = arena.stretches();
        arena.huge = segments;
        mappings::change(before, arena.stretches());
    }

    /// Asks for the huge page, or several, from a segment of an arena on; returns whether it did: not where one of them has
    /// memory, or serves something.
    pub(crate) fn prefer_huge(&mut self, place: ArenaPlace, first: usize) -> bool {
        let count = in_huge_page(place.partition);
        let segments = run_mask(first, count);
        let &mut Arena { used, dirty, .. } = self.arena(place);
        if (used | dirty) & segments != 0 || self.commit_run(place, first, count, false).is_err() {
            return false;
        }
        let Some(start) = NonNull::new(self.address(place.segment(first))) else { return false };
        // SAFETY: [BOOKS-2: committed] all of it is usable, and no program has it.
        unsafe { sys::prefer_huge(start, count * place.partition.segment_size()) };
        let huge = self.arena(place).huge;
        self.set_huge(place, huge | segments);
        true
    }

    /// Asks for the huge pages of a segment once more, if it is usable, and no longer has memory.
    pub(crate) fn prefer_huge_again(&mut self, place: SegmentPlace) {
        let count = in_huge_page(place.arena.partition);
        let first = place.segment / count * count;
        let &mut Arena { whole, huge, .. } = self.arena(place.arena);
        let all = run_mask(first, count);
        if whole & all == all && huge & all == 0 && self.prefer_huge(place.arena, first) {
            // SAFETY: [ARENA-2: usable] it is usable; it has no memory behind it, so that it reads as zero, and nobody has it.
            let _ = huge_pages::note_fault(unsafe { sys::fault_in(self.address(place)) });
        }
    }

    /// Asks for small pages behind segments of an arena, in those huge pages that are wholly vacant and without memory: a page of
    /// these that is touched would bring one.
    pub(crate) fn avoid_huge_for(&mut self, place: ArenaPlace, segments: u64) {
        self.avoid_huge(place, segments, false);
    }

    /// The same after memory behind some segments of an arena went back, in those huge pages where some is left.
    pub(crate) fn avoid_huge_beside(&mut self, place: ArenaPlace, segments: u64) {
        self.avoid_huge(place, segments, true);
    }

    /// Asks for small pages in the huge ones that some segments lie in, in which something has memory, or nothing has. Of those
    /// that can't come yet, since not all of them is usable, behind the segments alone.
    fn avoid_huge(&mut self, place: ArenaPlace, segments: u64, has_memory: bool) {
        let count = in_huge_page(place.partition);
        let mut left = segments & self.arena(place).huge;
        while left != 0 {
            let all = run_mask(left.trailing_zeros() as usize / count * count, count);
            let here = left & all;
            left &= !all;
            let &mut Arena { used, dirty, huge, .. } = self.arena(place);
            if ((used | dirty) & all != 0) == has_memory {
                self.advise_small(place, if huge & all == all { all } else { here });
            }
        }
    }

    /// Asks for small pages behind some segments, which are usable to their ends. Each may be a mapping of its own then, so that
    /// it doesn't where these are scarce.
    fn advise_small(&mut self, place: ArenaPlace, segments: u64) {
        if mappings::are_scarce() {
            return;
        }
        let huge = self.arena(place).huge;
        self.set_huge(place, huge & !segments);
        for (first, count) in stretches(segments, u64::MAX) {
            if let Some(start) = NonNull::new(self.address(place.segment(first))) {
                // SAFETY: [ARENA-2: usable] all of it is usable; what lies there stays as it is.
                unsafe { sys::avoid_huge(start, count * place.partition.segment_size()) };
            }
        }
    }
}

const _: () = assert!(HUGE_PAGE / Partition::FIRST.segment_size() <= SEGMENTS);
