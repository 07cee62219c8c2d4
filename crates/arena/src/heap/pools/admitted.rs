//! Admission to a heap's pools: the grant that they have of the process's account.

use crate::{heap::pools::Pools, plan::bins::Bin};

impl Pools {
    /// Whether so many bytes more may be held. They are granted then, until [`adjust_grant`](Self::adjust_grant) gives
    /// back those that aren't held.
    pub(crate) fn may_hold(&mut self, more: usize) -> bool {
        let held = self.figures.held();
        held.checked_add(more).is_some_and(|bytes| self.grant.reach(bytes))
    }

    /// How many blocks of a bin may be taken: `count`, or at least one, or none.
    pub(crate) fn may_take(&mut self, bin: Bin, count: usize) -> usize {
        let size = bin.shape().block_size as usize;
        if self.may_hold(count * size) { count } else { self.may_take_few(bin, count) }
    }

    /// The same where not all of them may be held beside what is: those that are held already, or one.
    #[cold]
    fn may_take_few(&mut self, bin: Bin, count: usize) -> usize {
        match self.kept_blocks(bin).min(count) {
            0 => self.may_hold(bin.shape().block_size as usize).into(),
            kept => kept,
        }
    }

    /// Brings the grant in line with the bytes held.
    ///
    /// A segment that becomes vacant may have more memory behind it than its blocks were counted with. Where that isn't
    /// granted, some goes back to the system; memory that the system refuses is held beyond the limit.
    pub(crate) fn adjust_grant(&mut self) {
        let mut held = self.figures.held();
        if !self.grant.reach(held) {
            let excess = held - self.grant.bytes();
            self.purge_to(self.figures.dirty().saturating_sub(excess));
            held = self.figures.held();
            self.grant.force(held);
        }
        self.grant.shrink(held);
    }

    /// The same, but gives back all that is granted and not held.
    pub(crate) fn adjust_grant_wholly(&mut self) {
        self.adjust_grant();
        self.grant.shrink_wholly(self.figures.held());
    }
}
