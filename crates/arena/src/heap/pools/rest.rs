//! Heaps at rest: those that no thread works with.

use crate::heap::pools::Pools;
use crate::policy::keep;

impl Pools {
    /// Puts the pools at rest, once no thread works with them or holds free blocks of them: all memory that serves nothing
    /// goes back if the process keeps too much. If not, bins keep their empty slabs: the next thread mostly has blocks of the
    /// same sizes.
    pub(crate) fn rest(&mut self) {
        self.figures.rest();
        if keep::is_over() {
            self.strip();
        }
    }

    /// Leaves the pools to their live blocks; returns whether there are any.
    pub(crate) fn abandon(&mut self) -> bool {
        self.abandoned = self.figures.used() != 0;
        self.abandoned
    }

    /// Whether the pools were left to their blocks, and none of these is live any more.
    pub(crate) fn is_over(&self) -> bool {
        self.abandoned && self.figures.used() == 0
    }

    /// Ends what holds for one holder of the heap alone, before the next has it.
    pub(crate) fn forget_holder(&mut self) {
        self.abandoned = false;
        self.grant.set_limit(None);
    }

    /// Gives back all memory that serves nothing, and the books where they hold nothing; returns how many bytes of blocks
    /// that were, at most.
    pub(crate) fn strip(&mut self) -> usize {
        let purged = self.unmap_unused() + self.purge_to(0);
        self.each_area(|books| {
            books.purge_books();
        });
        self.figures.forget_books();
        purged
    }
}
