//! Warm memory for whole blocks: what lies behind vacant segments elsewhere is moved to a block that lacks it.
//!
//! Page faults are the dearest thing that large blocks cause, and the memory beside a block that is smaller than the one
//! before it can serve nobody there. Moved, all of it serves any whole block, so that little has to be kept.
//!
//! What is moved stays a mapping of its own for good, since the kernel remembers where it was first. So it moves in units
//! whose places are multiples of their size: then there are no more mappings than units, and each unit lies in one.

use core::cmp::Reverse;

use crate::{
    books::{
        area::Refusal,
        arena::{Use, run_mask, stretches},
        reference::{ArenaRef, SegmentRef},
        windows,
    },
    heap::{large::LargeBlock, pools::Pools},
    plan::geometry::SEGMENTS,
    sys::{
        self, mappings,
        moving::{self, Brought},
    },
    thresholds::{MOST_BROUGHT, MOST_BROUGHT_TO_ARENA, UNIT_BROUGHT, WORTH_WARMING},
};

/// Whole units of a block without memory, in one arena, by their offsets in the block.
#[derive(Clone, Copy)]
struct Cold {
    block: LargeBlock,
    /// Segments that the block is to have.
    segments: usize,
    start: usize,
    end: usize,
}

/// Memory behind vacant segments in a row, all of which but the last are touched to their ends.
#[derive(Clone, Copy)]
struct Spare {
    first: SegmentRef,
    /// How far behind the first byte the last whole unit ends, and the bytes of whole units before that.
    end: usize,
    bytes: usize,
    beside_block: bool,
}

impl LargeBlock {
    /// The whole units in segments `from..to` of a block of `size` bytes.
    fn units(self, from: usize, to: usize, size: usize) -> Cold {
        let (first, segment_size) = (self.first.address().addr(), self.segment_size());
        let end = first + (to * segment_size).min(sys::round_to_pages(size));
        let start = (first + from * segment_size).next_multiple_of(UNIT_BROUGHT) - first;
        let end = (end / UNIT_BROUGHT * UNIT_BROUGHT).saturating_sub(first);
        Cold { block: self, segments: self.segments(size), start, end }
    }

    /// Which segments of an arena are among its first `count`.
    fn segments_in(self, arena: ArenaRef, count: usize) -> u64 {
        let mut pieces = self.pieces(0, count).filter(|(first, _)| first.arena() == arena);
        pieces.next().map_or(0, |(first, count)| run_mask(first.place.segment, count))
    }
}

impl Cold {
    fn bytes(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// The arena that it lies in.
    fn arena(self) -> ArenaRef {
        self.block.segment(self.start / self.block.segment_size()).arena()
    }
}

impl Pools {
    /// Brings memory that serves nothing to a whole block of `size` bytes, whose segments are usable and vacant still.
    pub(super) fn warm_up(
        &mut self,
        block: LargeBlock,
        size: usize,
    ) -> Result<(), (ArenaRef, Refusal)> {
        // The areas of a heap that ends are given up as a whole, and none of their addresses may be lost.
        let is_threads = windows::thread_owner(block.first.address()).is_some();
        let is_worth_it = self.figures.held() >= WORTH_WARMING;
        if !is_worth_it || !is_threads || self.figures.dirty() < UNIT_BROUGHT {
            return Ok(());
        }
        let (mut before, mut left) = (0, MOST_BROUGHT);
        for (first, count) in block.pieces(0, block.segments(size)) {
            let segments = run_mask(first.place.segment, count);
            for (cold, length) in stretches(segments & !self.arena(first.arena()).dirty, u64::MAX) {
                let from = before + cold - first.place.segment;
                self.warm_units(block.units(from, from + length, size), &mut left)?;
            }
            before += count;
        }
        Ok(())
    }

    /// Brings memory to the cold units of a block, from so many places as are `left` at most.
    fn warm_units(&mut self, mut cold: Cold, left: &mut usize) -> Result<(), (ArenaRef, Refusal)> {
        while *left > 0 && cold.bytes() >= UNIT_BROUGHT && self.may_bring_to(cold.arena()) {
            *left -= 1;
            let Some(spare) = self.find_spare(cold) else { break };
            match self.bring(cold, spare) {
                Brought::Bytes(bytes) => cold.start += bytes,
                Brought::Nothing => break,
                Brought::Lost => return Err(self.lose(cold)),
            }
        }
        Ok(())
    }

    /// Whether there may be one more mapping in an arena.
    fn may_bring_to(&mut self, arena: ArenaRef) -> bool {
        self.arena(arena).brought < MOST_BROUGHT_TO_ARENA && mappings::may_bring()
    }

    /// The spare memory that suits some cold units best: as much of them as it can fill, beside a block rather than where
    /// the next one may be placed, and as little more as there is. O(arenas and their segments with memory).
    fn find_spare(&mut self, cold: Cold) -> Option<Spare> {
        let rank = |it: Spare| (it.bytes.min(cold.bytes()), it.beside_block, Reverse(it.bytes));
        let mut best: Option<Spare> = None;
        for area in self.areas() {
            for place in self.books(area).booked() {
                let best_here =
                    self.spares_in(ArenaRef { area, place }, cold).max_by_key(|&it| rank(it));
                best = best_here.into_iter().chain(best).max_by_key(|&it| rank(it));
            }
        }
        best
    }

    /// The spare memory of an arena that no slab or run has segments of.
    fn spares_in(&mut self, arena: ArenaRef, cold: Cold) -> impl Iterator<Item = Spare> {
        let book = self.arena(arena);
        let beside_block = book.purpose == Use::WHOLE;
        let mut warm = book.dirty & book.whole;
        if book.purpose.is_of_segments() {
            warm = 0;
        } else if warm != 0 {
            warm &= !cold.block.segments_in(arena, cold.segments);
        }
        let full = self.full_segments(arena, warm);
        let spares = stretches(warm, full).map(move |(first, count)| {
            let first = arena.segment(first);
            let (end, bytes) = self.whole_units(first, count);
            Spare { first, end, bytes, beside_block }
        });
        spares.filter(|spare| spare.bytes != 0)
    }

    /// Those of some segments of an arena that are touched to their ends.
    fn full_segments(&mut self, arena: ArenaRef, segments: u64) -> u64 {
        let size = arena.place.partition.segment_size();
        (0..SEGMENTS)
            .filter(|&number| segments >> number & 1 != 0)
            .filter(|&number| self.segment(arena.segment(number)).touched as usize == size)
            .fold(0, |full, number| full | 1 << number)
    }

    /// How far behind the first of some spare segments the last whole unit ends, and the bytes of whole units before that.
    fn whole_units(&mut self, first: SegmentRef, count: usize) -> (usize, usize) {
        let size = first.place.arena.partition.segment_size();
        let last = first.arena().segment(first.place.segment + count - 1);
        let touched = self.segment(last).touched as usize;
        let start = first.address().addr();
        // Segments smaller than a unit go as they are, and the last unit of others, though less of it was touched.
        let end = start + (count - 1) * size + touched.next_multiple_of(UNIT_BROUGHT.min(size));
        let end = end / UNIT_BROUGHT * UNIT_BROUGHT;
        let bytes = end.saturating_sub(start.next_multiple_of(UNIT_BROUGHT));
        (end.saturating_sub(start), bytes)
    }

    /// Moves the last of some spare memory to the first cold units of a block.
    fn bring(&mut self, cold: Cold, spare: Spare) -> Brought {
        let wanted = spare.bytes.min(cold.bytes());
        let to = cold.block.first.address().wrapping_add(cold.start);
        let end = spare.first.address().wrapping_add(spare.end);
        // SAFETY: [ARENA-2: usable] both are usable: those of the block were made so, the spare ones are whole. They lie in
        // vacant segments, which hold nothing that is needed, and the block's aren't among the spare ones.
        let brought = unsafe { moving::bring(end, to, wanted) };
        if let Brought::Bytes(bytes) = brought {
            self.take_from(spare, bytes);
            self.add_to(cold, bytes);
        }
        brought
    }

    /// Notes that the last bytes of some spare memory are gone.
    fn take_from(&mut self, spare: Spare, bytes: usize) {
        let size = spare.first.place.arena.partition.segment_size();
        let (arena, start) = (spare.first.arena(), spare.end - bytes);
        let mut taken = 0;
        let (from, to) = (start / size, spare.end.div_ceil(size));
        for number in from..to {
            let segment = arena.segment(spare.first.place.segment + number);
            let touched = self.segment(segment).touched as usize;
            let left = start.saturating_sub(number * size).min(touched);
            self.segment(segment).touched = left as u32;
            if left == 0 {
                self.arena(arena).dirty &= !(1 << segment.place.segment);
            }
            taken += touched - left;
        }
        self.figures.reuse(taken);
        let segments = run_mask(spare.first.place.segment + from, to - from);
        self.books(arena.area).avoid_huge_beside(arena.place, segments);
        self.books(arena.area).mend(arena.place);
    }

    /// Notes that the first bytes of some cold units have memory behind them, which isn't zero.
    fn add_to(&mut self, cold: Cold, bytes: usize) {
        let (size, end) = (cold.block.segment_size(), cold.start + bytes);
        for number in cold.start / size..end.div_ceil(size) {
            let segment = cold.block.segment(number);
            let before = self.segment(segment).touched as usize;
            let touched = (end - number * size).min(size);
            self.segment(segment).touched = touched as u32;
            self.arena(segment.arena()).dirty |= 1 << segment.place.segment;
            self.figures.add_dirty(touched - before);
        }
        let arena = self.arena(cold.arena());
        mappings::change_brought(arena.brought, arena.brought + 1);
        arena.brought += 1;
    }

    /// Leaves the segments of cold units out, since the mapping there is lost; returns why.
    fn lose(&mut self, cold: Cold) -> (ArenaRef, Refusal) {
        let size = cold.block.segment_size();
        let (from, to) = (cold.start / size, cold.end.div_ceil(size));
        for (first, count) in cold.block.pieces(from, to) {
            for number in first.place.segment..first.place.segment + count {
                let segment = first.arena().segment(number);
                self.forget_segment(segment);
                self.leave_out(segment);
            }
            self.books(first.area).lose(first.place.arena, first.place.segment, count);
        }
        let first = cold.block.segment(from);
        (first.arena(), Refusal::Occupied(first.place.segment))
    }
}
