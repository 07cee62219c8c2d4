//! How memory that serves nothing goes back: what is too much, and all of it.

use crate::{
    books::area::Books,
    heap::pools::Pools,
    policy::{Slabs, keep},
};

impl Pools {
    /// Gives memory back if the process holds too much that serves nothing; returns whether it still does, so
    /// that other heaps are to be asked.
    pub(crate) fn relieve(&mut self) -> bool {
        self.purge_excess();
        self.settle();
        keep::is_excess()
    }

    /// Gives memory back if the process holds too much that serves nothing; all of it if nobody works with
    /// these.
    fn purge_excess(&mut self) {
        if !self.figures.is_idle() {
            self.purge_if_told(self.figures.excess_to());
        } else if keep::is_over() {
            self.strip();
        }
    }

    /// Gives memory back that a heap keeps for working in rounds, where this round is of other sizes.
    pub(crate) fn purge_over_peak(&mut self) {
        self.purge_if_told(self.figures.over_peak_to());
    }

    fn purge_if_told(&mut self, keep: Option<usize>) {
        if let Some(keep) = keep {
            let spare = keep::may_wait();
            let slabs = self.figures.slabs_to_look_at();
            self.purge_but_for(keep, spare, slabs);
            self.figures.note_purge(keep, spare);
        }
    }

    /// Gives back memory that serves nothing until only `keep` bytes are left, or less by what one
    /// arena had: behind vacant segments first, then behind free blocks. Says how many bytes that were
    /// at most.
    pub(crate) fn purge_to(&mut self, keep: usize) -> usize {
        self.purge_but_for(keep, false, Slabs::All)
    }

    /// The same, but for what will serve again soon, if that is to be spared, and of `slabs` only those.
    fn purge_but_for(&mut self, keep: usize, spare: bool, slabs: Slabs) -> usize {
        let excess = self.figures.dirty().saturating_sub(keep);
        let mut purged = self.purge_areas(excess, |books, wanted| books.purge(wanted, spare));
        if slabs != Slabs::None {
            let rested = slabs == Slabs::Rested;
            let purge_slabs = |books: &mut Books, wanted| books.purge_slabs(wanted, rested);
            purged += self.purge_areas(excess.saturating_sub(purged), purge_slabs);
        }
        self.figures.reuse(purged);
        self.tallies.purged(purged);
        purged
    }

    /// Lets areas `purge` so many bytes, or as many as they have; says how many that were.
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

    /// Makes memory unusable that serves nothing, as [`Books::decommit`] does.
    pub(crate) fn decommit(&mut self) {
        self.each_area(Books::decommit);
    }
}
