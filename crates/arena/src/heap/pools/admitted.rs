//! What the pools may hold: the grant that they have of the process's account.

use crate::heap::pools::Pools;

impl Pools {
    /// Whether so many bytes more may be held. They may then, until [`settle`](Self::settle) gives back what
    /// isn't.
    pub(crate) fn may_hold(&mut self, more: usize) -> bool {
        let held = self.figures.held();
        held.checked_add(more).is_some_and(|bytes| self.grant.reach(bytes))
    }

    /// Whether `count` blocks of `size` bytes may be held, or at least one; says how many.
    pub(crate) fn may_hold_blocks(&mut self, count: usize, size: usize) -> usize {
        if self.may_hold(count * size) { count } else { usize::from(self.may_hold(size)) }
    }

    /// Brings the grant in line with what is held.
    ///
    /// A segment that becomes vacant may have more memory behind it than its blocks were counted with. Where
    /// that isn't granted, some is given back to the system; what that refuses is held beyond the limit.
    pub(crate) fn settle(&mut self) {
        let mut held = self.figures.held();
        if !self.grant.reach(held) {
            let excess = held - self.grant.bytes();
            self.purge_to(self.figures.dirty().saturating_sub(excess));
            held = self.figures.held();
            self.grant.force(held);
        }
        self.grant.settle(held);
    }

    /// The same, and gives back all that may be held and isn't.
    pub(crate) fn settle_wholly(&mut self) {
        self.settle();
        self.grant.settle_wholly(self.figures.held());
    }
}
