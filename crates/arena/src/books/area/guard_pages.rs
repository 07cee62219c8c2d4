//! Memory that ends where a block does: large blocks of the hardened build, behind and before which nothing can be used.

use core::ptr::NonNull;

use crate::{
    books::{
        area::{Books, Refusal},
        arena::{Arena, run_mask, stretches},
    },
    plan::geometry::{ArenaPlace, SegmentPlace},
    sys::{self, mappings},
};

impl Books {
    /// Makes `bytes` from the start of a segment usable, and no more: a multiple of the page size, which may reach over
    /// segments that follow in the arena. Those that are usable already are so from the first on.
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
        if count == 0 {
            return Ok(());
        }
        if self.is_any_locked(first, count) {
            return Err(Refusal::OutOfMemory);
        }
        let whole = self.arena(arena).whole >> first.segment;
        let done = (whole.trailing_ones() as usize).min(count);
        if done == count || !mappings::are_scarce() && self.map_exactly(first, done, bytes).is_ok()
        {
            return Ok(());
        }
        let leading = first.segment.checked_sub(1).map(|before| arena.segment(before));
        let before = usize::from(leading.is_some_and(|leading| !self.is_used(leading)));
        self.commit_run(arena, first.segment - before, before + count, false)
    }

    /// The same by one mapping, where the first `done` segments are usable to their ends.
    fn map_exactly(
        &mut self,
        first: SegmentPlace,
        done: usize,
        bytes: usize,
    ) -> Result<(), Refusal> {
        let (arena, size) = (first.arena, first.arena.partition.segment_size());
        let (next, left) = (arena.segment(first.segment + done), bytes - done * size);
        if self.segment(next).usable as usize >= left.min(size) {
            return Ok(());
        }
        self.map_piece(next, left, false)?;
        let whole = left / size;
        if whole != 0 {
            self.note_usable(arena, next.segment, whole, size);
        }
        if left % size != 0 {
            self.note_usable(arena, next.segment + whole, 1, left % size);
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
        for (first, count) in stretches(gone, u64::MAX) {
            withdrawn += self.note_purged(place, first, count);
        }
        withdrawn
    }

    /// Keeps the memory of vacant segments in a row of one arena, and lets nobody touch it; returns whether it does. It
    /// doesn't where mappings are scarce, or where others lie in the same one. What it did of that isn't undone then.
    pub(crate) fn lock(&mut self, first: SegmentPlace, count: usize) -> bool {
        let (place, run) = (first.arena, run_mask(first.segment, count));
        let &mut Arena { committed, whole, .. } = self.arena(place);
        // Segments that lie in one mapping with the next.
        let joined = whole & committed >> 1;
        let edges = run_mask(first.segment + count - 1, 1) | run_mask(first.segment, 1) >> 1;
        if joined & edges != 0 || mappings::are_scarce() {
            return false;
        }
        stretches(run & committed, whole)
            .all(|(first, count)| self.lock_stretch(place, first, count))
    }

    fn lock_stretch(&mut self, place: ArenaPlace, first: usize, count: usize) -> bool {
        let bytes = self.bytes_usable(place, first, count);
        let Some(start) = NonNull::new(self.address(place.segment(first))) else { return false };
        // SAFETY: [BOOKS-2: committed] so much is usable; the segments are vacant, so that nobody touches them. They are
        // unlocked or unmapped before they serve again.
        let locked = unsafe { sys::lock(start, bytes) };
        for segment in first..first + count {
            self.segment(place.segment(segment)).locked = true;
        }
        locked
    }

    /// Makes the first `bytes` of locked memory usable that starts at a vacant segment, or all if it has less, and gives the
    /// rest back of their last segment. Returns how many segments are usable so, of `count` that are vacant; and by how many
    /// bytes less are idle.
    pub(crate) fn unlock(
        &mut self,
        first: SegmentPlace,
        count: usize,
        bytes: usize,
    ) -> (usize, usize) {
        let (place, size) = (first.arena, first.arena.partition.segment_size());
        let &mut Arena { committed, whole, .. } = self.arena(place);
        let stretch = stretches(run_mask(first.segment, count) & committed, whole).next();
        let Some((segment, count)) = stretch else { return (0, 0) };
        let Some(start) = NonNull::new(self.address(first)) else { return (0, 0) };
        if segment != first.segment || bytes == 0 || !self.segment(first).locked {
            return (0, 0);
        }
        let kept = bytes.min(self.bytes_usable(place, segment, count));
        // SAFETY: [BOOKS-2: committed] so much of the area is usable but for its lock.
        if !unsafe { sys::unlock(start, kept) } {
            return (0, 0);
        }
        let last = place.segment(segment + (kept - 1) / size);
        let here = kept - (last.segment - segment) * size;
        // SAFETY: the segment is vacant: nothing behind these bytes is used.
        if !unsafe { self.unmap_tail(last, here) } {
            return (0, 0);
        }
        for number in segment..=last.segment {
            self.segment(place.segment(number)).locked = false;
        }
        let touched = &mut self.segment(last).touched;
        let gone = (*touched as usize).saturating_sub(here);
        *touched -= gone as u32;
        (last.segment - segment + 1, gone)
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
                    self.segment(place.segment(number)).locked = false;
                }
            }
        }
    }

    /// Whether one of some segments is locked.
    pub(crate) fn is_any_locked(&mut self, first: SegmentPlace, count: usize) -> bool {
        (first.segment..first.segment + count)
            .any(|number| self.segment(first.arena.segment(number)).locked)
    }

    /// Gives the memory of a segment back behind its first `bytes`.
    ///
    /// # Safety
    ///
    /// It serves as a part of a large block, of which the program uses no more.
    pub(crate) unsafe fn cut(&mut self, place: SegmentPlace, bytes: usize) {
        // SAFETY: nothing behind these bytes is used, by this function's contract.
        if !mappings::are_scarce() && unsafe { self.unmap_tail(place, bytes) } {
            let touched = &mut self.segment(place).touched;
            *touched = (*touched).min(sys::round_to_pages(bytes) as u32);
        }
    }
}
