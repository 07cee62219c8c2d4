//! What becomes of a heap's memory while nobody works with it.

use crate::heap::pools::Pools;
use crate::policy::keep;

impl Pools {
    /// Whoever worked with these does so no more, and holds no free blocks: what they kept at hand serves nothing, and
    /// all that does goes back if the process holds too much.
    pub(crate) fn rest(&mut self) {
        self.retire_empty_slabs();
        self.figures.rest();
        if keep::is_over() {
            self.strip();
        }
    }

    /// Gives back all memory that serves nothing, and the books where they tell nothing; says how many bytes
    /// of blocks that were at most.
    pub(crate) fn strip(&mut self) -> usize {
        let purged = self.purge_to(0);
        self.each_area(|books| {
            books.purge_books();
        });
        self.figures.forget_books();
        purged
    }
}
