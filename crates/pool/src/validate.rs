//! The heap checker: walks all state and says what doesn't add up.

use thiserror::Error;

use crate::{
    Mode, Pool, Word,
    mode::{Guard, Spill, Tally},
    room::Room,
    state::State,
};

/// What is wrong with the state of a heap; `pool` counts from the smallest blocks.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Corruption {
    /// A pool's part of the heap doesn't follow the one before it.
    #[error("pool {pool} doesn't lie behind the one before it")]
    Misplaced {
        /// The pool.
        pool: usize,
    },
    /// A link leads to no block that was ever handed out, or to a live one.
    #[error("the free list of pool {pool} leads to {offset}, which is no free block")]
    BadLink {
        /// The pool.
        pool: usize,
        /// The offset in the heap that the link gives.
        offset: usize,
    },
    /// The free list has more blocks than the pool, so it runs in a circle.
    #[error("the free list of pool {pool} has no end")]
    Endless {
        /// The pool.
        pool: usize,
    },
    /// Live and free blocks don't sum to those handed out, or the counter differs.
    #[error("pool {pool} has {live} live and {free} free blocks of {touched} ever handed out")]
    Miscounted {
        /// The pool.
        pool: usize,
        /// Blocks live by their bits, or else by the counter.
        live: usize,
        /// Blocks on the free list.
        free: usize,
        /// Blocks ever handed out.
        touched: usize,
    },
    /// The bit that says whether the pool has room is wrong.
    #[error("pool {pool} is marked wrongly as full or as having room")]
    RoomBit {
        /// The pool.
        pool: usize,
    },
}

impl<M: Mode> Pool<'_, M> {
    /// Walks all records, free lists and live bits. `O(blocks)`.
    ///
    /// # Errors
    ///
    /// The first thing that doesn't add up: somebody wrote outside of his blocks, or to one that he
    /// gave back.
    pub fn validate(&self) -> Result<(), Corruption> {
        let mut end = self.state().room_at();
        for pool in 0..self.pools() {
            let low = self.state().record(pool).low.get();
            if low < end || low + self.state().span(pool) > self.state().size() {
                return Err(Corruption::Misplaced { pool });
            }
            end = low + self.state().span(pool);
            self.validate_pool(pool)?;
        }
        Ok(())
    }

    fn validate_pool(&self, pool: usize) -> Result<(), Corruption> {
        let record = self.state().record(pool);
        let touched = record.fresh.get().get();
        let free = if State::<M>::GEOMETRY.is_tiny(record.size.get()) {
            self.count_free_rows(pool)?
        } else {
            self.count_free_list(pool)?
        };
        let live_bits = M::Guard::<M::Word>::ON.then(|| {
            // SAFETY: the pool has live bits, and so many blocks were handed out.
            (0..touched).filter(|&block| unsafe { self.state().is_live(record, block) }).count()
        });
        let counted = record.tally.read().map(|[used, ..]| used);
        for live in [live_bits, counted].into_iter().flatten() {
            if live + free != touched {
                return Err(Corruption::Miscounted { pool, live, free, touched });
            }
        }
        let room = free != 0 || self.has_fresh(pool);
        if M::Spill::<M::Word>::ON && Room(self.state()).has(pool) != room {
            return Err(Corruption::RoomBit { pool });
        }
        Ok(())
    }

    fn count_free_list(&self, pool: usize) -> Result<usize, Corruption> {
        let record = self.state().record(pool);
        let touched = record.fresh.get().get();
        let high = record.low.get() + self.state().span(pool);
        let mut offset = record.free.get().get();
        for free in 0..=touched {
            if offset == 0 {
                return Ok(free);
            }
            let distance = high.wrapping_sub(offset);
            let size = record.size.get();
            let block = (distance / size).wrapping_sub(1);
            let bad = !distance.is_multiple_of(size) || block >= touched;
            // SAFETY: unless it is bad, the block was handed out once.
            if bad || M::Guard::<M::Word>::ON && unsafe { self.state().is_live(record, block) } {
                return Err(Corruption::BadLink { pool, offset });
            }
            // SAFETY: a block begins there, and it is free.
            offset = unsafe { self.state().link(offset) }.get();
        }
        Err(Corruption::Endless { pool })
    }

    fn count_free_rows(&self, pool: usize) -> Result<usize, Corruption> {
        let touched = self.state().record(pool).fresh.get().get();
        match self.rows(pool).count_free(touched) {
            Some(free) => Ok(free),
            None => Err(Corruption::Endless { pool }),
        }
    }
}
