//! The heap checker: walks all state and finds what doesn't add up.

use thiserror::Error;

use crate::{
    Mode, Pool, Word,
    mode::{Guard, Spill, Tally},
    room::Room,
    tiny::Rows,
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
    #[error("the free list of pool {pool} has a link {link} that leads to no free block")]
    BadLink {
        /// The pool.
        pool: usize,
        /// The link: an offset from the end of the records, or in a checked pool a block's number
        /// plus one, counted from its part's end.
        link: usize,
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
    /// The first thing that doesn't add up: a caller wrote outside of its blocks, or to one that it
    /// gave back.
    pub fn validate(&self) -> Result<(), Corruption> {
        let state = self.state();
        let mut end = state.state_end();
        for pool in state.pools() {
            let low = state.low(pool);
            if low < end || low >= state.end(pool) || state.end(pool) > state.reach() {
                return Err(Corruption::Misplaced { pool: state.index(pool) });
            }
            end = state.end(pool);
            self.validate_pool(pool)?;
        }
        Ok(())
    }

    fn validate_pool(&self, pool: usize) -> Result<(), Corruption> {
        let state = self.state();
        let (index, touched) = (state.index(pool), self.touched(pool));
        let rows = Rows::of_pool(state, pool);
        let free = match &rows {
            Some(rows) => rows.count_free().ok_or(Corruption::Endless { pool: index })?,
            None => self.count_free_list(pool)?,
        };
        let counted = state.record(pool).tally.read().map(|[used, ..]| used);
        for live in [self.count_live_bits(pool, rows.as_ref()), counted].into_iter().flatten() {
            if live + free != touched {
                return Err(Corruption::Miscounted { pool: index, live, free, touched });
            }
        }
        let room = free != 0 || self.has_fresh(pool);
        if M::Spill::<M::Word>::ON && rows.is_none() && Room(state).has(pool) != room {
            return Err(Corruption::RoomBit { pool: index });
        }
        Ok(())
    }

    /// Counts the blocks whose live bits are set, where there are such bits.
    fn count_live_bits(&self, pool: usize, rows: Option<&Rows<'_, '_, M>>) -> Option<usize> {
        let state = self.state();
        let is_live = |&block: &usize| match rows {
            // SAFETY: so many blocks were handed out.
            Some(rows) => unsafe { rows.is_live(block) },
            // SAFETY: as above.
            None => unsafe { state.is_live(state.low(pool), block) },
        };
        M::Guard::<M::Word>::ON.then(|| (0..self.touched(pool)).filter(is_live).count())
    }

    /// Follows the list as far as it leads to blocks that were handed out and aren't live.
    fn count_free_list(&self, pool: usize) -> Result<usize, Corruption> {
        let state = self.state();
        let (index, touched) = (state.index(pool), self.touched(pool));
        let mut link = state.record(pool).free.get().get();
        for free in 0..=touched {
            if link == 0 {
                return Ok(free);
            }
            let Some((offset, number)) = self.follow(pool, link) else {
                return Err(Corruption::BadLink { pool: index, link });
            };
            // SAFETY: the block was handed out once.
            if M::Guard::<M::Word>::ON && unsafe { state.is_live(state.low(pool), number) } {
                return Err(Corruption::BadLink { pool: index, link });
            }
            // SAFETY: a block begins there, and it is free.
            link = unsafe { state.link(offset) }.get();
        }
        Err(Corruption::Endless { pool: index })
    }

    /// Returns the offset and number of the block that a link leads to, if it was handed out once.
    fn follow(&self, pool: usize, link: usize) -> Option<(usize, usize)> {
        let size = self.state().record(pool).size.get();
        let end = self.state().end(pool);
        let offset = if M::Guard::<M::Word>::ON { end.checked_sub(link * size)? } else { link };
        let distance = end.checked_sub(offset)?;
        let number = (distance / size).checked_sub(1)?;
        let valid = distance % size == 0 && number < self.touched(pool);
        valid.then_some((offset, number))
    }
}
