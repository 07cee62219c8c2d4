//! Memory that ends where a block does: large blocks of the hardened build, behind and before which nothing can be used.

use crate::{
    books::{
        area::{Books, Refusal},
        arena::{Arena, run_mask, stretches},
    },
    plan::geometry::SegmentPlace,
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
        for (first, count) in stretches(gone, u64::MAX) {
            withdrawn += self.note_purged(place, first, count);
        }
        withdrawn
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
