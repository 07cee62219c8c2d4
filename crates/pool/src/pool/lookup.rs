//! Which pool has blocks of a size, and which block of which pool begins at an address.

use core::ptr::NonNull;

use crate::{Mode, Word, mode::Guard, pool::Pool, state::State};

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
        let (guess, offset) = self.state.guess(pointer)?;
        if self.state.low(guess) <= offset && offset < self.state.end(guess) {
            return Some((guess, offset));
        }
        Some((self.bisect(offset), offset))
    }

    /// Returns the pool whose part, or what little may follow the last one, has a byte that isn't before the first
    /// part.
    #[inline(never)]
    fn bisect(&self, offset: usize) -> usize {
        let up_to = self.state.all().partition_point(|record| record.low.get() <= offset);
        self.state.first() + up_to - 1
    }

    /// Returns the number of the block that begins at `offset`, from zero at the end down; `None` unless it
    /// was handed out at least once. Without checks, only the latter is known, and the number is zero.
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
