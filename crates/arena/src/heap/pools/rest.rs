//! Heaps at rest: those that no thread works with.

use crate::heap::pools::Pools;
use crate::policy::keep;

impl Pools {
    /// Puts the pools at rest, once no thread works with them or holds free blocks of them: slabs kept for the next
    /// refill are vacated, and all memory that serves nothing goes back if the process keeps too much.
    pub(crate) fn rest(&mut self) {
        self.retire_empty_slabs();
        self.figures.rest();
        if keep::is_over() {
            self.strip();
        }
    }

    /// Gives back all memory that serves nothing, and the books where they hold nothing; returns how many bytes of blocks
    /// that were, at most.
    pub(crate) fn strip(&mut self) -> usize {
        let purged = self.purge_to(0);
        self.each_area(|books| {
            books.purge_books();
        });
        self.figures.forget_books();
        purged
    }
}
