//! Memory that ends where a block does: large blocks of the hardened build, behind and before which nothing can be used.

use core::ptr::NonNull;

use crate::{
    books::{
        area::{Books, Refusal},
        arena::{Arena, run_mask, stretches},
        slab::Segment,
    },
    plan::geometry::{ArenaPlace, SEGMENTS, SegmentPlace},
    sys::{self, mappings},
};

impl Books {
    /// Makes `bytes` from the start of a segment usable, and no more: a multiple of the page size, which may reach over
    /// segments that follow in the arena. Memory that was kept there, but locked, serves again.
    ///
    /// Where the system has no more mappings, the segments become usable to their ends, with the one before, if it is
    /// vacant: then they lie in one mapping with others.
    pub(crate) fn commit_exactly(
        &mut self,
        first: SegmentPlace,
        bytes: usize,
    ) -> Result<(), Refusal> {
        let (arena, size) = (first.arena, first.arena.partition.segment_size());
        let count = bytes.div_ceil(size);
        let are_scarce = mappings::are_scarce();
        if !self.unlock(first, if are_scarce { count * size } else { bytes }) {
            return Err(Refusal::OutOfMemory);
        }
        if !are_scarce && self.map_missing(first, bytes).is_ok() {
            return Ok(());
        }
        let leading = first.segment.checked_sub(1).map(|before| arena.segment(before));
        let before = leading
            .is_some_and(|leading| !self.is_used(leading) && self.segment(leading).locked == 0);
        let before = usize::from(before);
        self.commit_run(arena, first.segment - before, before + count, false)
    }

    /// Maps what is missing of so many bytes from the start of a segment, none of which are locked.
    fn map_missing(&mut self, first: SegmentPlace, bytes: usize) -> Result<(), Refusal> {
        let (arena, size) = (first.arena, first.arena.partition.segment_size());
        let (mut done, end) = (0, bytes.div_ceil(size));
        while done < end {
            let place = arena.segment(first.segment + done);
            let left = bytes - done * size;
            if self.segment(place).usable as usize >= left.min(size) {
                done += 1;
                continue;
            }
            // With the segments that follow of which nothing is usable.
            let bare =
                |number: &usize| self.segment(arena.segment(first.segment + number)).usable == 0;
            let count = 1 + (done + 1..end).take_while(bare).count();
            self.map_in_row(place, left.min(count * size))?;
            done += count;
        }
        Ok(())
    }

    /// Makes `bytes` from the start of a segment usable by one mapping, where nothing of those that follow is usable.
    fn map_in_row(&mut self, first: SegmentPlace, bytes: usize) -> Result<(), Refusal> {
        let (arena, size) = (first.arena, first.arena.partition.segment_size());
        self.map_piece(first, bytes, false)?;
        let whole = bytes / size;
        if whole != 0 {
            self.note_usable(first, whole, size, false);
        }
        if bytes % size != 0 {
            self.note_usable(arena.segment(first.segment + whole), 1, bytes % size, false);
        }
        Ok(())
    }

    /// Gives the memory and the address space of the vacant ones among `count` segments of an arena back: where mappings
    /// are scarce, the memory alone of those that lie in the midst of one. Returns by how many bytes less are idle.
    pub(crate) fn withdraw(&mut self, first: SegmentPlace, count: usize) -> usize {
        let (place, run) = (first.arena, run_mask(first.segment, count));
        let &mut Arena { used, committed, whole, .. } = self.arena(place);
        let segments = run & committed & !used;
        // Segments that are usable to their ends, and so is the start of the next.
        let joined = whole & committed >> 1;
        let is_inside = first.segment != 0
            && (joined >> (first.segment - 1)) & (joined >> (first.segment + count - 1)) & 1 != 0;
        if !is_inside || !mappings::are_scarce() {
            // SAFETY: the segments aren't used, so that they serve nothing.
            unsafe { self.unmap_segments(place, segments) };
        }
        let gone = segments & !self.arena(place).committed;
        let mut withdrawn = self.purge_vacant(place, segments & !gone);
        self.unlock_left(place, segments & !gone);
        self.zero_left(place, segments & !gone);
        for (first, count) in stretches(gone, u64::MAX) {
            withdrawn += self.note_purged(place, first, count);
        }
        withdrawn
    }

    /// Keeps the memory of vacant segments in a row of one arena, and lets nobody touch it; returns whether it does. It
    /// doesn't where mappings are scarce, or where others lie in the same one. What it did of that isn't undone then.
    pub(crate) fn lock(&mut self, first: SegmentPlace, count: usize) -> bool {
        let (place, run) = (first.arena, run_mask(first.segment, count));
        let before = first.segment.checked_sub(1);
        let meets = before.is_some_and(|before| self.meets_next(place, before))
            || self.meets_next(place, first.segment + count - 1);
        if meets || mappings::are_scarce() {
            return false;
        }
        let &mut Arena { committed, whole, .. } = self.arena(place);
        stretches(run & committed, whole)
            .all(|(first, count)| self.lock_stretch(place, first, count))
    }

    /// Whether a segment can be touched up to its end, and the next from its start on: they may lie in one mapping.
    fn meets_next(&mut self, place: ArenaPlace, segment: usize) -> bool {
        let &mut Arena { committed, whole, .. } = self.arena(place);
        let is_joined = whole & committed >> 1 & run_mask(segment, 1) != 0;
        is_joined
            && self.segment(place.segment(segment)).locked == 0
            && self.bytes_open(place.segment(segment + 1)) != 0
    }

    /// The bytes from a segment's start that can be touched.
    pub(crate) fn bytes_open(&mut self, place: SegmentPlace) -> usize {
        let &mut Segment { usable, locked, .. } = self.segment(place);
        (usable - locked) as usize
    }

    fn lock_stretch(&mut self, place: ArenaPlace, first: usize, count: usize) -> bool {
        let mut segments = (first..first + count).map(|number| place.segment(number));
        if segments.all(|segment| self.bytes_open(segment) == 0) {
            return true;
        }
        let bytes = self.bytes_usable(place, first, count);
        let Some(start) = NonNull::new(self.address(place.segment(first))) else { return false };
        // SAFETY: [BOOKS-2: committed] so much is usable; the segments are vacant, so that nobody touches them. They are
        // unlocked or unmapped before they serve again.
        let locked = unsafe { sys::lock(start, bytes) };
        for segment in first..first + count {
            let segment = self.segment(place.segment(segment));
            segment.locked = segment.usable;
        }
        locked
    }

    /// Makes usable what is locked of so many bytes from the start of a segment; returns whether none is any more. Memory
    /// behind these stays locked.
    fn unlock(&mut self, first: SegmentPlace, bytes: usize) -> bool {
        let (arena, size) = (first.arena, first.arena.partition.segment_size());
        let end = bytes.div_ceil(size);
        let mut done = 0;
        while done < end {
            let place = arena.segment(first.segment + done);
            let from = self.bytes_open(place);
            let mut until = self.bytes_wanted(place, bytes - done * size);
            let mut count = 1;
            // As far as memory goes on that is locked from the start of a segment.
            while until == count * size && done + count < end && from < until {
                let next = arena.segment(first.segment + done + count);
                if self.bytes_open(next) != 0 {
                    break;
                }
                until += self.bytes_wanted(next, bytes - (done + count) * size);
                count += 1;
            }
            if from < until && !self.unlock_bytes(place, from, until) {
                return false;
            }
            done += count;
        }
        true
    }

    /// How many of the usable bytes of a segment are among so many.
    fn bytes_wanted(&mut self, place: SegmentPlace, bytes: usize) -> usize {
        bytes.min(self.segment(place).usable as usize)
    }

    /// Makes bytes `from..until` of locked memory usable, counted from a segment's start; returns whether the system did.
    fn unlock_bytes(&mut self, first: SegmentPlace, from: usize, until: usize) -> bool {
        let (arena, size) = (first.arena, first.arena.partition.segment_size());
        let Some(start) = NonNull::new(self.address(first).wrapping_add(from)) else {
            return false;
        };
        // SAFETY: [BOOKS-2: committed] so much of the area is usable but for its lock.
        if !unsafe { sys::unlock(start, until - from) } {
            return false;
        }
        for number in 0..until.div_ceil(size) {
            let segment = self.segment(arena.segment(first.segment + number));
            let open = (until - number * size).min(segment.usable as usize) as u32;
            segment.locked = segment.usable - open;
        }
        true
    }

    /// Makes memory of vacant segments usable that couldn't be unmapped. If the system refuses that too, it stays locked.
    fn unlock_left(&mut self, place: ArenaPlace, segments: u64) {
        let whole = self.arena(place).whole;
        for (first, count) in stretches(segments, whole) {
            let segment = place.segment(first);
            let Some(start) = NonNull::new(self.address(segment)) else { continue };
            let bytes = self.bytes_usable(place, first, count);
            // SAFETY: [BOOKS-2: committed] so much of the area is usable but for its lock.
            if self.is_any_locked(segment, count) && unsafe { sys::unlock(start, bytes) } {
                for number in first..first + count {
                    self.segment(place.segment(number)).locked = 0;
                }
            }
        }
    }

    /// Zeroes memory of vacant segments that the system took in no way, for slabs whose blocks are to be zero.
    fn zero_left(&mut self, place: ArenaPlace, segments: u64) {
        for number in (0..SEGMENTS).filter(|&number| segments & run_mask(number, 1) != 0) {
            let segment = place.segment(number);
            let touched = self.segment(segment).touched as usize;
            let open = touched.min(self.bytes_open(segment));
            // SAFETY: [BOOKS-2: committed] so much is usable, and not locked; the segment is vacant, so that it serves nothing.
            unsafe { self.address(segment).write_bytes(0, open) };
        }
    }

    /// Whether one of some segments is locked.
    pub(crate) fn is_any_locked(&mut self, first: SegmentPlace, count: usize) -> bool {
        (first.segment..first.segment + count)
            .any(|number| self.segment(first.arena.segment(number)).locked != 0)
    }

    /// Lets nobody touch the memory of a segment behind its first `bytes`: it is kept if it is `most` bytes at most, and
    /// mappings aren't scarce. Returns by how many bytes less the segment was touched.
    ///
    /// # Safety
    ///
    /// It serves as a part of a large block, or will, and the program uses no more.
    pub(crate) unsafe fn end_at(
        &mut self,
        place: SegmentPlace,
        bytes: usize,
        most: usize,
    ) -> usize {
        let bytes = sys::round_to_pages(bytes);
        let spare = (self.segment(place).usable as usize).saturating_sub(bytes);
        // SAFETY: nothing behind these bytes is used, by this function's contract.
        let is_done = mappings::are_scarce()
            || spare <= most && unsafe { self.lock_tail(place, bytes) }
            || !unsafe { self.unmap_tail(place, bytes) };
        if is_done {
            return 0;
        }
        let touched = &mut self.segment(place).touched;
        let gone = (*touched as usize).saturating_sub(bytes);
        *touched -= gone as u32;
        gone
    }

    /// Keeps the memory of a segment behind its first `bytes`, a multiple of the page size, and lets nobody touch it; returns
    /// whether it does.
    ///
    /// # Safety
    ///
    /// Nothing behind these bytes is used.
    unsafe fn lock_tail(&mut self, place: SegmentPlace, bytes: usize) -> bool {
        let open = self.bytes_open(place);
        if open <= bytes {
            return true;
        }
        let Some(start) = NonNull::new(self.address(place).wrapping_add(bytes)) else {
            return false;
        };
        // SAFETY: [BOOKS-2: committed] so much is usable; nothing of it is used, by this function's contract, and it is unlocked
        // or unmapped before it serves.
        let is_locked = unsafe { sys::lock(start, open - bytes) };
        let segment = self.segment(place);
        segment.locked = segment.usable - bytes as u32;
        is_locked
    }
}
