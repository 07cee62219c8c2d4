//! Large blocks between guard pages, in the hardened build: what lies before and behind one can't be used, and a freed one
//! neither.
//!
//! ```text
//!   | leading guard | block ............... margin | guard          |
//!   | a segment     | exactly its pages            | a page or more |
//! ```
//!
//! Guard pages are address space that isn't mapped. So a block costs one mapping, and whoever leaves it, or uses it after it
//! was freed, is ended by the processor. What is left of its last page, the margin, is filled, and looked at when it is freed.
//!
//! The memory of a freed block is kept like that of others, by the same bounds, but locked: nobody can touch it. It is cleared
//! for the next block at the same place. A block that is shorter than the one before, or shrinks, has some of it behind its
//! end as its guard, which serves again as it grows, or when it is freed.
//!
//! Where the process has a quarter of the mappings that it may have, or the system refuses one, further blocks meet their
//! neighbours, and freed ones are purged: they read as zero then.

use crate::{
    books::{
        area::Refusal,
        guard,
        reference::{ArenaRef, SegmentRef},
        report,
    },
    heap::{
        large::{LargeBlock, Outlook, Request},
        pools::Pools,
    },
    plan::geometry::Partition,
    sys,
    thresholds::{MOST_CLEARED, SPARE_SHARE},
};

/// Segments before a block that nothing uses.
pub(super) const LEADING: usize = if guard::ON { 1 } else { 0 };

/// The bytes of a block of `size` bytes with the guard page behind it.
pub(super) fn with_guard(size: usize) -> usize {
    if guard::ON { sys::round_to_pages(size) + sys::round_to_pages(1) } else { size }
}

/// The bytes of the arenas that such a block needs for itself in a partition.
pub(super) fn of_whole(size: usize, partition: Partition) -> usize {
    with_guard(size) + LEADING * partition.segment_size()
}

impl LargeBlock {
    /// The block in a run of segments.
    pub(super) fn behind_guard(first: SegmentRef) -> Self {
        Self { first: first.arena().segment(first.place.segment + LEADING) }
    }

    /// Keeps others out of the segment before a run.
    pub(super) fn use_leading_guard(self, pools: &mut Pools) {
        if guard::ON {
            pools.use_segment(self.leading_guard());
        }
    }

    /// The segment before it.
    fn leading_guard(self) -> SegmentRef {
        self.first.arena().segment(self.first.place.segment - LEADING)
    }

    /// Makes its pages usable, for `size` bytes, and nothing around them. It had `from` segments before.
    pub(super) fn commit_alone(
        self,
        pools: &mut Pools,
        from: usize,
        Request { size, outlook, .. }: Request,
    ) -> Result<(), (ArenaRef, Refusal)> {
        if from == 0 && self.first.place.segment != 0 {
            pools.withdraw(self.leading_guard(), LEADING);
        }
        let mut left = sys::round_to_pages(size);
        for (first, count) in self.pieces(0, self.segments(size)) {
            let bytes = left.min(count * self.segment_size());
            pools
                .books(first.area)
                .commit_exactly(first.place, bytes)
                .map_err(|refusal| (first.arena(), refusal))?;
            left -= bytes;
        }
        let spare = if outlook == Outlook::Growing { size } else { size / SPARE_SHARE };
        self.end_vacant(pools, from, size, spare);
        Ok(())
    }

    /// The number of the segment in which `size` bytes of it end, and how many of them lie there.
    fn end_of(self, size: usize) -> (usize, usize) {
        let last = (size - 1) / self.segment_size();
        (last, size - last * self.segment_size())
    }

    /// Lets nobody touch what lies behind `size` bytes of it in its segments from the one numbered `from` on, which are vacant
    /// still; so much is kept at most.
    fn end_vacant(self, pools: &mut Pools, from: usize, size: usize, spare: usize) {
        let (last, bytes) = self.end_of(size);
        if last >= from {
            // SAFETY: the segment will be this block's, which ends there.
            let gone = unsafe { self.end_at(pools, (last, bytes), spare) };
            pools.figures.reuse(gone);
        }
        let (first, end) = ((last + 1).max(from), self.segments(size));
        if (first..end).any(|number| {
            self.bytes_usable(pools, number) > spare || self.is_any_open(pools, number)
        }) {
            self.pieces(first, end).for_each(|(first, count)| pools.withdraw(first, count));
        }
    }

    /// Lets nobody touch what lies behind the first `bytes` of a segment of it, and keeps so much of that at most; returns by how
    /// many bytes less the segment was touched.
    ///
    /// # Safety
    ///
    /// The program uses no more of the segment.
    unsafe fn end_at(
        self,
        pools: &mut Pools,
        (last, bytes): (usize, usize),
        spare: usize,
    ) -> usize {
        let segment = self.segment(last);
        // SAFETY: the segment is this block's, or will be, by the caller's word; the block ends there.
        unsafe { pools.books(segment.area).end_at(segment.place, bytes, spare) }
    }

    /// The usable bytes of a segment of it, locked or not.
    fn bytes_usable(self, pools: &mut Pools, number: usize) -> usize {
        pools.segment(self.segment(number)).usable as usize
    }

    /// Whether anything of a segment of it can be touched.
    fn is_any_open(self, pools: &mut Pools, number: usize) -> bool {
        let segment = self.segment(number);
        pools.books(segment.area).bytes_open(segment.place) != 0
    }

    /// Whether memory for `size` bytes lies in its segments, and in those that follow.
    fn has_memory_for(self, pools: &mut Pools, size: usize) -> bool {
        let (last, bytes) = self.end_of(sys::round_to_pages(size));
        (0..=last).all(|number| {
            let wanted = if number == last { bytes } else { self.segment_size() };
            pools.segment(self.segment(number)).touched as usize >= wanted
        })
    }

    /// The first of its bytes behind which all are zero, up to `size`, where it has so many; its first `old` aren't looked at.
    fn stale_until(self, pools: &mut Pools, old: usize, size: usize) -> usize {
        let mut until = 0;
        for number in self.end_of(old).0..=self.end_of(size).0 {
            let touched = pools.segment(self.segment(number)).touched as usize;
            if touched != 0 {
                until = number * self.segment_size() + touched;
            }
        }
        until.clamp(old, size)
    }

    /// Zeroes what was kept of the memory of others, of the `stale` first bytes of a block of `size`.
    pub(super) fn clear(self, stale: usize, size: usize) {
        // SAFETY: the block was just allocated, in pages of its own.
        unsafe { sys::zero(self.first.address(), stale.min(size)) };
    }

    /// Lets nobody touch a freed block of `segments` segments any more, nor what lies before it. Its memory is kept, if it
    /// had so few bytes that clearing it for the next costs less than new pages.
    pub(super) fn withdraw(self, pools: &mut Pools, segments: usize, size: usize) {
        if !self.is_whole(pools) {
            pools.vacate_segment(self.leading_guard());
        }
        if self.first.place.segment != 0 {
            pools.withdraw(self.leading_guard(), 1);
        }
        for (first, count) in self.pieces(0, segments) {
            if size > MOST_CLEARED || !pools.books(first.area).lock(first.place, count) {
                pools.withdraw(first, count);
            }
        }
        if pools.segment(self.first).locked != 0 && !self.is_whole(pools) {
            let kept = (0..segments).map(|number| self.bytes_usable(pools, number)).sum();
            pools.kept_runs.add(self.first.address(), kept);
        }
    }

    /// Notes and fills what is left of its last page by `size` bytes.
    pub(super) fn fill_margin(self, pools: &mut Pools, size: usize) {
        let margin = self.size(pools) - size;
        pools.segment(self.first).margin = margin as u16;
        // SAFETY: the block has its pages for itself, which are usable, and the program doesn't use their last bytes.
        unsafe { guard::fill(self.first.address().wrapping_add(size), margin) };
    }

    /// Ends the process with a report if the program wrote to its margin.
    pub(super) fn check_margin(self, pools: &mut Pools) {
        let (size, margin) = (self.usable(pools), pools.segment(self.first).margin as usize);
        let start = self.first.address();
        // SAFETY: as in `fill_margin`.
        if !unsafe { guard::is_filled(start.wrapping_add(size), margin) } {
            report::overrun(start, size);
        }
    }
}

impl LargeBlock {
    /// Gives the segments back that a block of `before` segments doesn't need for `size` bytes, and lets nobody touch them.
    ///
    /// # Safety
    ///
    /// The program uses no more of it.
    unsafe fn give_back_behind(self, pools: &mut Pools, size: usize, before: usize) {
        let (last, bytes) = self.end_of(size);
        self.vacate_segments(pools, last + 1, before);
        // SAFETY: the block ends in this segment from now on, by this function's contract.
        unsafe { self.end_at(pools, (last, bytes), size / SPARE_SHARE) };
        // Beside a whole block it would serve nobody but that.
        let is_whole = self.is_whole(pools);
        for (first, count) in self.pieces(last + 1, before) {
            if is_whole || !pools.books(first.area).lock(first.place, count) {
                pools.withdraw(first, count);
            }
        }
        self.end_vacant(pools, last + 1, size, size / SPARE_SHARE);
        self.use_segments(pools, last + 1, self.segments(size));
    }

    /// Undoes what was done for a block that has `old` bytes in `before` segments, and couldn't have `after`.
    fn stay_at(self, pools: &mut Pools, old: usize, (before, after): (usize, usize)) {
        // SAFETY: the block has no more bytes.
        unsafe { self.end_at(pools, self.end_of(old), old / SPARE_SHARE) };
        self.pieces(before, after).for_each(|(first, count)| pools.withdraw(first, count));
    }
}

impl Pools {
    /// Gives the memory of vacant segments in a row of one arena back, and their address space.
    pub(in crate::heap) fn withdraw(&mut self, first: SegmentRef, count: usize) {
        let withdrawn = self.books(first.area).withdraw(first.place, count);
        self.figures.reuse(withdrawn);
    }

    /// Gives a block another size where it stands; returns whether it could.
    pub(super) fn resize_between_guards(&mut self, block: LargeBlock, size: usize) -> bool {
        block.check_margin(self);
        let old = block.size(self);
        let (before, after) = (block.segments(old), block.segments(size));
        if after > before && !self.may_extend(block, before, after) {
            return false;
        }
        let request = Request { size, align: 1, outlook: Outlook::Growing };
        if size > old && !block.is_whole(self) && !block.has_memory_for(self, size) {
            // Where there is memory elsewhere, a move costs less than page faults.
            if self.find_kept_run(request).is_some() {
                return false;
            }
        }
        if size > old {
            if block.commit_alone(self, before, request).is_err() {
                block.stay_at(self, old, (before, after));
                return false;
            }
            let until = block.stale_until(self, old, sys::round_to_pages(size));
            // SAFETY: the block has so many bytes now, of which the program has no more than the `old` ones yet.
            unsafe { sys::zero(block.first.address().wrapping_add(old), until - old) };
        }
        if after > before {
            block.use_segments(self, before, after);
        } else {
            // SAFETY: the program asked for `size` bytes, and gave up the others.
            unsafe { block.give_back_behind(self, size, before) };
        }
        if !block.is_whole(self) {
            self.offer_segments(block.first.arena());
        }
        block.set_size(self, size, 0);
        let new = block.size(self);
        self.figures.free(old);
        self.figures.allocate(new);
        self.tallies.gave_large();
        self.tallies.took_large();
        true
    }
}
