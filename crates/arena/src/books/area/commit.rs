//! Making an area's memory usable, in steps that grow with the bytes held.
//!
//! Memory that was never used isn't even reserved. So a limit of the process counts only what serves something,
//! whenever the limit is set; and where pages are locked into memory, few are.

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    books::{
        area::Books,
        arena::{Use, run_mask},
        guard, poison,
    },
    plan::geometry::{ArenaPlace, SEGMENTS, SegmentPlace},
    policy::huge_pages,
    sys::{self, mappings, probe::probe, space},
    thresholds::{FIRST_STEP, RESTRAINT, STEP, STEP_SHARE},
};

/// The time at which the system last refused memory, in milliseconds of its clock. Zero: never. `Relaxed`: a hint.
static REFUSED_AT: AtomicU64 = AtomicU64::new(0);

/// Whether memory may be made usable ahead: the system didn't refuse any of late.
fn is_plentiful() -> bool {
    let refused = REFUSED_AT.load(Ordering::Relaxed);
    refused == 0 || sys::milliseconds() > refused + RESTRAINT
}

/// Why memory isn't usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The system has no more.
    OutOfMemory,
    /// A mapping that isn't ours stands in this segment of the arena.
    Occupied(usize),
}

/// The heap that memory is made usable for.
#[derive(Clone, Copy)]
pub(crate) struct Appetite {
    /// Bytes that the heap holds.
    pub(crate) held: usize,
    /// Whether to ask for huge pages.
    pub(crate) huge: bool,
}

impl Appetite {
    /// The bytes to make usable at once, as many as several slabs have `among_first` ones.
    ///
    /// Where mappings are scarce, as many as an arena of the smallest classes has, so that its memory is one mapping.
    fn step(self, among_first: bool) -> usize {
        if !is_plentiful() {
            return 0;
        }
        if self.huge || mappings::are_scarce() {
            return *STEP.end();
        }
        let least = if among_first && !space::is_limited() { FIRST_STEP } else { *STEP.start() };
        let share = (self.held / STEP_SHARE).clamp(least, *STEP.end());
        1 << share.ilog2()
    }
}

impl Books {
    /// Makes the first `bytes` of a slab usable, and more ahead where memory is plentiful.
    pub(crate) fn commit_slab(
        &mut self,
        place: SegmentPlace,
        bytes: usize,
        appetite: Appetite,
    ) -> Result<(), Refusal> {
        if self.arena(place.arena).committed & (1 << place.segment) == 0 {
            // It may be the first segment whose book lies there: a page that is read before it is written to is faulted in twice.
            self.segment(place).usable = 0;
        }
        let usable = self.segment(place).usable as usize;
        if usable >= bytes {
            return Ok(());
        }
        let among_first = self.arena(place.arena).purpose == Use::FIRST_SLABS;
        let step = appetite.step(among_first);
        let size = place.arena.partition.segment_size();
        // A run of segments would fill the guards of large blocks among them.
        let fills_guards = guard::ON && !mappings::are_scarce();
        let ahead = if step == 0 {
            Err(Refusal::OutOfMemory)
        } else if step >= size && !fills_guards {
            let count = (step / size).min(SEGMENTS);
            // Those of more first slabs follow this one; their books lie with its own.
            let first = if among_first { place.segment } else { place.segment / count * count };
            self.commit_run(place.arena, first, count.min(SEGMENTS - first), appetite.huge)
        } else {
            // A step may be less than a page, which on some machines has 64 KiB.
            let ahead = sys::round_to_pages(bytes.max(usable * 2).max(step));
            self.extend_segment(place, ahead, appetite.huge)
        };
        ahead.or_else(|_| self.extend_segment(place, sys::round_to_pages(bytes), appetite.huge))?;
        if appetite.huge {
            self.time_huge_page(place, usable);
        }
        Ok(())
    }

    /// Times the first page behind the `before` bytes of a segment that were usable, where huge pages were asked for behind
    /// these, and no byte was touched. It is the next to be touched in any case.
    fn time_huge_page(&mut self, place: SegmentPlace, before: usize) {
        if (self.segment(place).usable as usize) > before {
            let first = self.address(place).wrapping_add(before);
            // SAFETY: [BOOKS-2: committed] so much is usable; it was mapped a moment ago, so that it is zero, and nobody
            // has it yet.
            let _ = huge_pages::note_fault(unsafe { sys::fault_in(first) });
        }
    }

    /// Makes segments of an arena usable to their ends.
    pub(crate) fn commit_run(
        &mut self,
        arena: ArenaPlace,
        first: usize,
        count: usize,
        huge: bool,
    ) -> Result<(), Refusal> {
        let run = run_mask(first, count);
        if self.arena(arena).whole & run == run {
            return Ok(());
        }
        let (mut segment, end) = (first, first + count);
        while segment < end {
            if self.arena(arena).whole & (1 << segment) != 0 {
                segment += 1;
                continue;
            }
            // From what is usable of this one to the next that is, in part at least.
            let after = self.arena(arena).committed.checked_shr(segment as u32 + 1).unwrap_or(0);
            let after = (segment + 1 + after.trailing_zeros() as usize).min(end);
            self.commit_gap(arena, segment, after, huge)?;
            segment = after;
        }
        Ok(())
    }

    /// Makes the rest of segment `first` usable, and all of the segments from there to `end`, which aren't usable yet.
    fn commit_gap(
        &mut self,
        arena: ArenaPlace,
        first: usize,
        end: usize,
        huge: bool,
    ) -> Result<(), Refusal> {
        let size = arena.partition.segment_size();
        match self.map_piece(arena.segment(first), (end - first) * size, huge) {
            Ok(()) => {
                self.note_usable(arena.segment(first), end - first, size, huge);
                Ok(())
            }
            // One by one, to find which of them is occupied.
            Err(Refusal::Occupied(_)) if end - first > 1 => (first..end)
                .try_for_each(|segment| self.commit_gap(arena, segment, segment + 1, huge)),
            Err(refusal) => Err(refusal),
        }
    }

    /// Makes a segment usable up to `bytes`, a multiple of the page size.
    fn extend_segment(
        &mut self,
        place: SegmentPlace,
        bytes: usize,
        huge: bool,
    ) -> Result<(), Refusal> {
        let usable = self.segment(place).usable as usize;
        let bytes = bytes.min(place.arena.partition.segment_size());
        if usable >= bytes {
            return Ok(());
        }
        match self.map_piece(place, bytes, huge) {
            Ok(()) => self.note_usable(place, 1, bytes, huge),
            // If the segment before this one becomes usable to its end, this one needs no further mapping.
            Err(Refusal::OutOfMemory) if usable == 0 && self.follows_part(place) => {
                self.commit_run(place.arena, place.segment - 1, 1, huge)?;
                return self.extend_segment(place, bytes, huge);
            }
            Err(refusal) => return Err(refusal),
        }
        Ok(())
    }

    /// Whether the segment before this one is usable in part, to whoever has it.
    fn follows_part(&mut self, place: SegmentPlace) -> bool {
        let arena = self.arena(place.arena);
        (arena.committed & !arena.whole) << 1 & (1 << place.segment) != 0
            && self.locked_before(place) == 0
    }

    /// How many of the last bytes of the segment before this one can't be touched.
    fn locked_before(&mut self, place: SegmentPlace) -> u32 {
        let before = place.segment.checked_sub(1);
        before.map_or(0, |before| self.segment(place.arena.segment(before)).locked)
    }

    /// Notes that `count` segments from one on are usable up to `bytes` of each, and whether `huge` pages were asked for behind
    /// them.
    pub(super) fn note_usable(
        &mut self,
        from: SegmentPlace,
        count: usize,
        bytes: usize,
        huge: bool,
    ) {
        let (place, first) = (from.arena, from.segment);
        for segment in first..first + count {
            self.segment(place.segment(segment)).usable = bytes as u32;
        }
        let (mask, size) = (run_mask(first, count), place.partition.segment_size());
        let arena = self.arena(place);
        let before = arena.stretches();
        arena.committed |= mask;
        if bytes == size {
            arena.whole |= mask;
            arena.huge |= if huge { mask } else { 0 };
        }
        mappings::change(before, arena.stretches());
        let end = place.segment(first + count - 1).offset() + bytes;
        let reach = &mut self.reach[place.partition.number()];
        *reach = end.max(*reach);
    }

    /// Maps what is missing of the `bytes` from the start of a segment.
    pub(super) fn map_piece(
        &mut self,
        place: SegmentPlace,
        bytes: usize,
        huge: bool,
    ) -> Result<(), Refusal> {
        let usable = self.segment(place).usable as usize;
        let whole = self.arena(place.arena).whole;
        let meets = whole << 1 & (1 << place.segment) != 0 && self.locked_before(place) == 0;
        let follows = usable != 0 || meets;
        let Some(start) = NonNull::new(self.address(place).wrapping_add(usable)) else {
            return Err(Refusal::OutOfMemory);
        };
        probe!("commit", start.addr().get(), bytes - usable);
        let mapped = if follows {
            // SAFETY: [BOOKS-2: committed] the bytes before are usable: of this segment, or all of the one before.
            unsafe { sys::map_after(start, bytes - usable) }
        } else {
            sys::map_at(start, bytes - usable)
        };
        match mapped {
            // SAFETY: the bytes were just mapped, and are the area's.
            Ok(()) if huge => unsafe { sys::prefer_huge(start, bytes - usable) },
            // SAFETY: as above.
            Ok(()) if sys::huge_pages_come_unasked() => unsafe {
                sys::avoid_huge(start, bytes - usable);
            },
            Ok(()) => {}
            Err(error) if sys::is_occupied(&error) => {
                return Err(Refusal::Occupied(place.segment));
            }
            Err(_) => {
                REFUSED_AT.store(sys::milliseconds(), Ordering::Relaxed);
                return Err(Refusal::OutOfMemory);
            }
        }
        poison::bytes_freed(start.as_ptr(), bytes - usable);
        Ok(())
    }

    /// Gives the memory behind some of an arena's segments back, and their address space; returns the bytes given back.
    ///
    /// # Safety
    ///
    /// None of them serves anything.
    pub(super) unsafe fn unmap_segments(&mut self, place: ArenaPlace, segments: u64) -> usize {
        let whole = self.arena(place).whole;
        let before = self.arena(place).stretches();
        let mut unmapped = 0;
        for (first, count) in crate::books::arena::stretches(segments, whole) {
            let bytes = self.bytes_usable(place, first, count);
            let Some(start) = NonNull::new(self.address(place.segment(first))) else { continue };
            // SAFETY: none of the segments serves anything, by this function's contract.
            if unsafe { sys::unmap(start, bytes) } {
                // Others may map what they have here.
                poison::bytes_used(start.as_ptr(), bytes);
                self.note_unmapped(place, first, count);
                unmapped += bytes;
            }
        }
        let arena = self.arena(place);
        mappings::change(before, arena.stretches());
        if arena.committed == 0 {
            mappings::change_brought(core::mem::take(&mut arena.brought), 0);
        }
        unmapped
    }

    /// Gives segments up in whose place another's mapping may stand: nothing may ever be done to them again.
    pub(crate) fn lose(&mut self, place: ArenaPlace, first: usize, count: usize) {
        let before = self.arena(place).stretches();
        self.note_unmapped(place, first, count);
        mappings::change(before, self.arena(place).stretches());
    }

    /// The bytes of one stretch of usable memory, `count` segments from `first`.
    pub(super) fn bytes_usable(&mut self, place: ArenaPlace, first: usize, count: usize) -> usize {
        let last = self.segment(place.segment(first + count - 1)).usable as usize;
        (count - 1) * place.partition.segment_size() + last
    }

    /// Notes that nothing of `count` segments from `first` is usable any more.
    fn note_unmapped(&mut self, place: ArenaPlace, first: usize, count: usize) {
        for segment in first..first + count {
            let segment = self.segment(place.segment(segment));
            (segment.usable, segment.locked) = (0, 0);
        }
        let mask = run_mask(first, count);
        let arena = self.arena(place);
        arena.committed &= !mask;
        arena.whole &= !mask;
        arena.huge &= arena.whole;
    }

    /// Gives back the usable bytes of a slab beyond the `touched` ones; returns whether the system took them, or there
    /// were none.
    ///
    /// # Safety
    ///
    /// All its blocks that were ever handed out lie in the first `touched` bytes of the segment.
    pub(super) unsafe fn unmap_tail(&mut self, place: SegmentPlace, touched: usize) -> bool {
        let (used, address) = (sys::round_to_pages(touched), self.address(place));
        let usable = self.segment(place).usable as usize;
        let Some(start) = NonNull::new(address.wrapping_add(used)) else { return true };
        if used == 0 || used >= usable {
            return true;
        }
        // SAFETY: all blocks ever handed out lie before, by this function's contract.
        if !unsafe { sys::unmap(start, usable - used) } {
            return false;
        }
        let segment = self.segment(place);
        segment.usable = used as u32;
        segment.locked = segment.locked.saturating_sub((usable - used) as u32);
        let arena = self.arena(place.arena);
        let before = arena.stretches();
        arena.whole &= !(1 << place.segment);
        arena.huge &= arena.whole;
        mappings::change(before, arena.stretches());
        true
    }
}
