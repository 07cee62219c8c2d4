//! Giving memory back that serves nothing: the excess, or all of it.

use crate::{
    books::{area::Books, arena::run_mask, reference::SegmentRef},
    heap::pools::Pools,
    policy::{Slabs, keep},
};

impl Pools {
    /// Gives memory back if the process keeps too much that serves nothing; returns whether it still does, so that other
    /// heaps have to give some back.
    pub(crate) fn relieve(&mut self) -> bool {
        let is_little = keep::is_little();
        if !is_little {
            self.purge_excess();
        }
        self.adjust_grant();
        !is_little && keep::is_excess()
    }

    /// Gives memory back if the process keeps too much that serves nothing; all of it if the heap is at rest and no block
    /// of it is live.
    fn purge_excess(&mut self) {
        if !self.figures.is_idle() {
            self.purge_if_over(self.figures.excess_to());
        } else if keep::is_over() {
            self.strip();
        }
    }

    /// Gives memory back that a heap keeps since its use comes in rounds, where this round is of other sizes.
    pub(crate) fn purge_over_peak(&mut self) {
        self.purge_if_over(self.figures.over_peak_to());
    }

    /// Gives back memory that serves nothing until only `keep` bytes are left, if it is over a bound at all.
    fn purge_if_over(&mut self, keep: Option<usize>) {
        if let Some(keep) = keep {
            let spare = keep::may_wait();
            let slabs = self.figures.slabs_to_look_at();
            self.purge_but_for(keep, spare, slabs);
            self.figures.note_purge(keep, spare);
        }
    }

    /// Gives back memory that serves nothing until only `keep` bytes are left, or less by what one segment had: behind
    /// vacant segments first, then behind free blocks. Returns the bytes given back, at most.
    pub(crate) fn purge_to(&mut self, keep: usize) -> usize {
        self.purge_but_for(keep, false, Slabs::All)
    }

    /// The same. It leaves memory that will serve again soon, if it is to `spare` that, and looks only at the `slabs`
    /// named.
    fn purge_but_for(&mut self, keep: usize, spare: bool, slabs: Slabs) -> usize {
        self.vacate_at_rest();
        let excess = self.figures.dirty().saturating_sub(keep);
        let mut purged = self.purge_areas(excess, |books, wanted| books.purge(wanted, spare));
        if slabs != Slabs::None {
            let rested = slabs == Slabs::Rested;
            let purge_slabs = |books: &mut Books, wanted| books.purge_slabs(wanted, rested);
            purged += self.purge_areas(excess.saturating_sub(purged), purge_slabs);
        }
        self.count_purged(purged);
        purged
    }

    /// Unmaps the memory of areas in which nothing is used; returns the bytes given back, at most.
    pub(crate) fn unmap_unused(&mut self) -> usize {
        self.vacate_at_rest();
        let mut unmapped = 0;
        self.each_area(|books| unmapped += books.unmap_unused());
        self.count_purged(unmapped);
        unmapped
    }

    /// Vacates the slabs that bins of a heap at rest are refilled from, if all their blocks are free.
    fn vacate_at_rest(&mut self) {
        if self.figures.is_resting() {
            self.retire_empty_slabs();
        }
    }

    /// Gives memory of whole blocks back where more of it serves nothing than one after another will have.
    pub(crate) fn purge_whole(&mut self) {
        let Some(keep) = self.figures.whole_to() else { return };
        let mut dirty = 0;
        self.each_area(|books| dirty += books.dirty_of_whole());
        if dirty <= keep {
            return;
        }
        // As much more as is worth the calls.
        let purged = self.purge_areas(dirty - keep + keep / 8, Books::purge_whole);
        self.count_purged(purged);
        self.figures.note_purge_of_whole();
    }

    /// Once slabs took so much memory that they never had, or gave back, gives as much back that large blocks left: it can't
    /// serve slabs, and a program that goes on with small blocks may have done with large ones.
    #[cold]
    pub(super) fn give_for_growth(&mut self) {
        let wanted = core::mem::take(&mut self.grown_by) as usize;
        if self.figures.dirty() >= wanted && keep::goes_for_growth() {
            let purged = self.purge_areas(wanted, Books::purge_left_by_large);
            self.count_purged(purged);
        }
    }

    /// Gives the memory of vacant segments back: of so many from each of these on, in one arena.
    pub(crate) fn purge_segments(&mut self, parts: impl Iterator<Item = (SegmentRef, usize)>) {
        let mut purged = 0;
        for (first, count) in parts {
            let run = run_mask(first.place.segment, count);
            purged += self.books(first.area).purge_vacant(first.place.arena, run);
        }
        self.count_purged(purged);
    }

    /// Calls `purge` for one area after another until so many bytes were purged; returns how many were.
    fn purge_areas(&mut self, wanted: usize, purge: impl Fn(&mut Books, usize) -> usize) -> usize {
        let mut purged = 0;
        for area in self.areas() {
            if purged >= wanted {
                break;
            }
            purged += purge(self.books(area), wanted - purged);
        }
        purged
    }

    /// Counts bytes that were given back.
    fn count_purged(&mut self, bytes: usize) {
        self.figures.reuse(bytes);
        self.tallies.purged(bytes);
    }

    /// Unmaps memory that serves nothing, as [`Books::decommit`] does.
    pub(crate) fn decommit(&mut self) {
        self.each_area(Books::decommit);
    }
}
