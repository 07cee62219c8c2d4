//! Which pool has blocks of a size, and which block of which pool begins at an address.

use core::ptr::NonNull;

use crate::{
    Mode, Word,
    mode::Guard,
    pool::Pool,
    state::{LAST, State},
};

impl<M: Mode> Pool<'_, M> {
    /// Returns the pool of the smallest blocks that hold `size` bytes.
    #[inline(always)]
    pub(crate) fn pool_for(&self, size: usize) -> Option<usize> {
        self.state.table(size).or_else(|| self.search(size))
    }

    /// As [`pool_for`](Self::pool_for), where there is no table entry.
    fn search(&self, size: usize) -> Option<usize> {
        let smaller = self.state.all().partition_point(|record| record.size.get() < size);
        (size != 0 && smaller < self.state.count()).then_some(self.state.first() + smaller)
    }

    /// Returns the pool whose part of the heap a pointer leads to, and its offset.
    #[inline(always)]
    pub(crate) fn pool_at(&self, pointer: NonNull<u8>) -> Option<(usize, usize)> {
        if let Some((guess, offset)) = self.state.guess(pointer) {
            // No guess is too high.
            if offset < self.state.end(guess) {
                return Some((guess, offset));
            }
        }
        let offset = self.state.offset_of(pointer);
        Some((self.bisect(offset)?, offset))
    }

    /// Returns the pool whose part has a byte; `None` before the first part or behind the last.
    #[inline(never)]
    pub(super) fn bisect(&self, offset: usize) -> Option<usize> {
        let up_to = self.state.all().partition_point(|record| record.low.get() <= offset);
        (up_to > 0 && offset < self.state.end(LAST)).then(|| self.state.first() + up_to - 1)
    }

    /// Returns the number of the pool's block that begins at `offset`, from zero at the end down; `None` unless
    /// there is one, and it was handed out at least once. Without checks, it is only known that the offset lies
    /// among the pool's blocks that were, and the number is zero.
    ///
    /// The offset may lie in another pool's part: distances up to it wrap to more than all blocks have.
    /// Blocks of one byte have none: see [`Rows::number`](crate::tiny::Rows::number).
    #[inline(always)]
    pub(super) fn number(&self, pool: usize, offset: usize) -> Option<usize> {
        let record = self.state.record(pool);
        let distance = self.state.end(pool).wrapping_sub(offset);
        let fresh = record.fresh.get().get();
        if !M::Guard::<M::Word>::ON {
            return (distance.wrapping_sub(1) < fresh).then_some(0);
        }
        let blocks = M::Word::quotient(distance, record.guard.reciprocal());
        let number = blocks.wrapping_sub(1);
        // A distance is that of a block if it is a multiple of the size, which the quotient tells.
        let exact = blocks.wrapping_mul(record.size.get()) == distance;
        (exact && number < fresh).then_some(number)
    }

    /// Returns the number of a pool's blocks, free, live or never used.
    pub(crate) fn capacity(&self, pool: usize) -> usize {
        State::<M>::GEOMETRY.fit(self.state.record(pool).size.get(), self.state.span(pool))
    }
}
