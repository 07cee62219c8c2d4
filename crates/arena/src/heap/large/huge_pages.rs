//! Huge pages behind large blocks.
//!
//! Where segments are smaller than a huge page, those beside a run that lie in a huge page with a quarter of it come with it:
//! they count as warm from then on, so that the next runs are placed there.

use core::ops::Range;

use crate::{
    books::{area::in_huge_page, arena::run_mask, guard, reference::ArenaRef},
    heap::{
        large::{LargeBlock, PAGE},
        pools::Pools,
    },
    plan::geometry::SEGMENTS,
    policy::huge_pages,
    sys,
    thresholds::{HUGE_PAGE, LOOKS, LOOKS_INTO_FREED},
};

impl LargeBlock {
    /// Asks for huge pages behind segments `from..to` of it, which are vacant still, and will be filled: the first of them,
    /// and if that isn't slow to fault in, the others.
    pub(super) fn prefer_huge(self, pools: &mut Pools, from: usize, to: usize) {
        let first = self.first.place.segment;
        let part = in_huge_page(self.first.place.arena.partition);
        let all = self.in_huge_pages(pools, first + from..first + to);
        let mut tried = false;
        for number in all.step_by(part) {
            let arena = self.first.arena();
            let arena = arena.neighbour(arena.place.arena + number / SEGMENTS);
            if !pools.ask_for_huge(arena, number % SEGMENTS) || tried {
                continue;
            }
            tried = true;
            let start = arena.segment(number % SEGMENTS).address();
            // SAFETY: it is usable, no program has it yet, and it had no memory behind it, so that it reads as zero.
            if !huge_pages::note_fault(unsafe { sys::fault_in(start) }) {
                break;
            }
        }
    }

    /// The segments, counted from its first arena's first, of the huge pages of which some segments of it are a quarter; of a
    /// whole block, that they fill, or nearly so.
    fn in_huge_pages(self, pools: &mut Pools, segments: Range<usize>) -> Range<usize> {
        let part = in_huge_page(self.first.place.arena.partition);
        // What a run leaves serves other runs, what a whole block leaves nobody.
        let most_left = if self.is_whole(pools) { part / 4 } else { part * 3 / 4 };
        let before = segments.start % part;
        let start = segments.start - before + if before > most_left { part } else { 0 };
        let behind = segments.end.next_multiple_of(part) - segments.end;
        let end = segments.end + behind - if behind > most_left { part } else { 0 };
        start..end
    }

    /// Notes whether it was filled, as it is freed, if that is to be looked at. The program has given it up.
    pub(super) fn note_filling(self, pools: &mut Pools) {
        let size = self.size(pools);
        let zeroed = pools.segment(self.first).zeroed;
        // The sanitizer guards the block already, and memcheck would tell.
        if !zeroed && !guard::ON && LOOKS_INTO_FREED && pools.filling.is_due(size) {
            let touched = self.touched_places(size, PAGE);
            pools.filling.note(touched >= LOOKS - 1);
        }
    }
}

impl Pools {
    /// Asks for the huge page, or several, from a segment of an arena on, and counts what runs may have of it as warm.
    /// Returns whether it did: not where one of them has memory, or serves something.
    fn ask_for_huge(&mut self, arena: ArenaRef, first: usize) -> bool {
        let ArenaRef { area, place } = arena;
        if !self.books(area).prefer_huge(place, first) {
            return false;
        }
        let (size, count) = (place.partition.segment_size(), in_huge_page(place.partition));
        // A segment of several huge pages is touched one by one, and what lies beside a whole block can serve nobody.
        if size < HUGE_PAGE && self.arena(arena).purpose.is_of_segments() {
            for number in first..first + count {
                self.segment(arena.segment(number)).touched = size as u32;
            }
            self.arena(arena).dirty |= run_mask(first, count);
            self.figures.add_dirty(count * size);
        }
        true
    }
}
