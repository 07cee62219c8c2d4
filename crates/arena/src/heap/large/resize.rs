//! New sizes for large blocks, where they stand.

use crate::{
    books::{
        arena::{Arena, Use, run_mask},
        guard,
        reference::ArenaRef,
    },
    heap::{
        large::{LargeBlock, MAX_RUN},
        pools::Pools,
    },
    plan::geometry::{ARENAS, ArenaPlace, SEGMENTS},
    policy, sys,
    thresholds::GROWING,
};

impl Pools {
    /// Gives a large block another size where it stands; returns whether it could.
    pub(crate) fn resize_large(&mut self, block: LargeBlock, size: usize) -> bool {
        let old = block.size(self);
        let (before, after) = (block.segments(old), block.segments(size));
        if guard::ON {
            return self.resize_between_guards(block, size);
        }
        if after > before && !self.extend(block, before, after) {
            return false;
        }
        if after < before {
            block.vacate_segments(self, after, before);
            if !block.is_whole(self) {
                self.offer_segments(block.first.arena());
            }
        }
        // Where it grows, the memory behind its end is what it will touch next.
        if size < old {
            self.purge_tail(block, (old, size), before);
        }
        block.set_size(self, size, before.min(after) - 1);
        let new = block.size(self);
        self.figures.free(old);
        self.figures.allocate(new);
        self.tallies.gave_large();
        self.tallies.took_large();
        true
    }

    /// Adds the segments `before..after` to a block, if they are vacant.
    fn extend(&mut self, block: LargeBlock, before: usize, after: usize) -> bool {
        let reached = self.may_extend(block, before, after);
        let size = after * block.segment_size();
        let usable = reached && block.commit(self, before, after).is_ok();
        if usable {
            block.choose_pages(self, before, after, size);
            block.use_segments(self, before, after);
            if !block.is_whole(self) {
                self.list_arena(block.first.arena());
            }
        }
        usable
    }

    /// Whether a block may have the segments `before..after` as well; those of a whole block are in its arenas then.
    pub(super) fn may_extend(&mut self, block: LargeBlock, before: usize, after: usize) -> bool {
        if block.is_whole(self) {
            self.extend_span(block, (block.first.place.segment + after).div_ceil(SEGMENTS))
        } else {
            self.may_extend_run(block, before, after)
        }
    }

    /// Whether a run may have the segments `before..after` as well: they are vacant, and warm if the run is large by now.
    /// A large run moves rather than grow over cold segments, to a place where it can grow on.
    fn may_extend_run(&mut self, block: LargeBlock, before: usize, after: usize) -> bool {
        let size = after * block.segment_size();
        if size > MAX_RUN || block.first.place.segment + after > SEGMENTS {
            return false;
        }
        let more = run_mask(block.first.place.segment + before, after - before);
        let &mut Arena { used, dirty, .. } = self.arena(block.first.arena());
        used & more == 0 && (size < GROWING || dirty & more == more)
    }

    /// Gives a whole block the vacant arenas that follow its own, until it has `span`.
    fn extend_span(&mut self, block: LargeBlock, span: usize) -> bool {
        let ArenaRef { area, place } = block.first.arena();
        let own = self.arena(block.first.arena()).span as usize;
        let more =
            (place.arena + own..place.arena + span).map(|arena| ArenaPlace { arena, ..place });
        let books = self.books(area);
        if place.arena + span > ARENAS
            || more.clone().any(|arena| !books.is_vacant(arena))
            || !books.book_arenas(place.arena + span)
        {
            return false;
        }
        for arena in more {
            books.take_arena(arena, Use::WHOLE);
        }
        let book = books.arena(place);
        book.span = book.span.max(span as u8);
        true
    }

    /// Gives memory back behind the end of a block that was shrunk from `old` to `size`, if that is worth a call: of its last
    /// segment, and where it is whole, of all segments before the one numbered `before`, which can serve nothing else.
    fn purge_tail(&mut self, block: LargeBlock, (old, size): (usize, usize), before: usize) {
        let segment_size = block.segment_size();
        let last = block.segments(size) - 1;
        let until = if block.is_whole(self) { before.max(last + 1) } else { last + 1 };
        let start = sys::round_to_pages(size);
        // All bytes that were ever touched there: the purge must reach all that aren't zero.
        let mut end = 0;
        for number in last..until {
            let touched = self.segment(block.segment(number)).touched as usize;
            end = if touched == 0 { end } else { number * segment_size + touched };
        }
        if end < start + policy::least_tail(old, size) {
            return;
        }
        let tail = block.first.address().wrapping_add(start);
        // SAFETY: the bytes behind the block's new end are no longer the program's, and the touched ones are usable.
        if unsafe { sys::purge(tail, end - start) } {
            let touched = (start - last * segment_size) as u32;
            self.segment(block.segment(last)).touched = touched;
            for number in last + 1..until {
                self.forget_segment(block.segment(number));
            }
            for (first, count) in block.pieces(last, until) {
                let segments = run_mask(first.place.segment, count);
                self.books(first.area).avoid_huge_beside(first.place.arena, segments);
            }
        }
    }
}
