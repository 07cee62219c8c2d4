//! Admission to a heap's pools: the grant that they have of the process's account.

use crate::{heap::pools::Pools, plan::bins::Bin};

/// Whether a heap's own limit lets a request through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It does, or there is none.
    AsItIs,
    /// It does, now that memory was given back.
    AfterPurge,
    /// It doesn't.
    Refused,
}

impl Pools {
    /// Gives the heap a limit of its own, and memory back that serves nothing and is beyond it.
    pub(crate) fn limit_to(&mut self, bytes: usize) {
        self.grant.set_limit(Some(bytes));
        self.admit(0);
    }

    /// Whether the heap's own limit leaves so many bytes more, once memory was given back that serves nothing. O(segments
    /// in use) where some has to go.
    ///
    /// Half of what the limit leaves stays free then, so that the next requests find room.
    pub(crate) fn admit(&mut self, more: usize) -> Admission {
        let Some(limit) = self.grant.limit() else { return Admission::AsItIs };
        let left = limit.checked_sub(self.figures.used()).and_then(|left| left.checked_sub(more));
        match left {
            None => Admission::Refused,
            Some(left) if self.figures.dirty() <= left => Admission::AsItIs,
            Some(left) => {
                // The first slabs of bins that live elsewhere stay with these else.
                self.retire_empty_slabs();
                self.purge_to(left.min(usize::midpoint(left, more)));
                self.adjust_grant();
                let fits = self.figures.dirty() <= left;
                if fits { Admission::AfterPurge } else { Admission::Refused }
            }
        }
    }

    /// The bytes granted and the heap's own limit, if that stands against so many bytes more.
    pub(crate) fn stand_against(&self, more: usize) -> Option<(usize, usize)> {
        let (held, limit) = (self.grant.bytes(), self.grant.limit()?);
        (held.saturating_add(more) > limit).then_some((held, limit))
    }

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
