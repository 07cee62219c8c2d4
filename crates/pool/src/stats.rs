//! What each pool holds and has seen.

use stratalloc_core::Stats;

use crate::{
    Mode, Pool, Word,
    mode::{Guard, Spill, Tally},
    tiny::Rows,
};

/// One pool at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// The size of its blocks in bytes.
    pub block_size: usize,
    /// The number of its blocks.
    pub blocks: usize,
    /// The blocks that were ever handed out; the rest was never touched.
    pub touched: usize,
    /// What a [`Counted`](crate::Counted) pool counts.
    pub counters: Option<Counts>,
    /// Requests that a [`Spilling`](crate::Spilling) pool passed on to larger blocks, up to the
    /// largest value of the [`Word`]; zero in others.
    pub spilled: usize,
}

/// The counters of one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Blocks in use.
    pub used: usize,
    /// The most blocks in use since the start or [`Pool::reset_peak`].
    pub peak: usize,
    /// Requests of this pool's sizes that found no block, up to the largest value of the [`Word`].
    /// Requests larger than all blocks are no pool's, and aren't counted.
    pub failed: usize,
}

/// The bytes of a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeapStats {
    /// The heap as it was given.
    pub heap: usize,
    /// All blocks, free and live.
    pub payload: usize,
    /// Everything else: records, the table, bits, alignment.
    pub overhead: usize,
    /// Blocks in use, where they are counted.
    pub used: Option<usize>,
}

impl<M: Mode> Pool<'_, M> {
    /// Returns the number of pools: of block sizes that differ once they are aligned.
    pub fn pools(&self) -> usize {
        self.state().count()
    }

    /// One pool, of the smallest blocks if `pool` is zero; `None` from [`pools`](Self::pools) on.
    ///
    /// ```
    /// # use core::mem::MaybeUninit;
    /// # use stratalloc_pool::{Config, Pool};
    /// # #[repr(align(8))] struct Heap([MaybeUninit<u8>; 1024]);
    /// # let mut heap = Heap([MaybeUninit::uninit(); 1024]);
    /// let pool: Pool = Pool::new(&mut heap.0, &Config::new(&[16, 64]))?;
    /// let block = pool.malloc(40);
    /// let large = pool.stats_of(1).unwrap();
    /// assert_eq!((large.block_size, large.counters.unwrap().used), (64, 1));
    /// # Ok::<(), stratalloc_pool::ConfigError>(())
    /// ```
    pub fn stats_of(&self, pool: usize) -> Option<PoolStats> {
        (pool < self.pools()).then(|| self.read_stats(self.state().first() + pool))
    }

    /// Returns all pools, by ascending block size.
    pub fn iter_stats(&self) -> impl ExactSizeIterator<Item = PoolStats> + '_ {
        (0..self.pools()).map(|pool| self.read_stats(self.state().first() + pool))
    }

    fn read_stats(&self, pool: usize) -> PoolStats {
        let record = self.state().record(pool);
        let counters = record.tally.read();
        PoolStats {
            block_size: record.size.get(),
            blocks: self.capacity(pool),
            touched: self.touched(pool),
            counters: counters.map(|[used, peak, failed]| Counts { used, peak, failed }),
            spilled: record.spill.read(),
        }
    }

    /// Returns the blocks of a pool that were handed out at least once.
    pub(crate) fn touched(&self, pool: usize) -> usize {
        if let Some(rows) = Rows::of_pool(self.state(), pool) {
            return rows.fresh();
        }
        let record = self.state().record(pool);
        let fresh = record.fresh.get().get();
        if M::Guard::<M::Word>::ON { fresh } else { fresh / record.size.get() }
    }

    /// Starts the peak of each pool again, from its blocks in use.
    pub fn reset_peak(&self) {
        self.state().all().iter().for_each(|record| record.tally.reset_peak());
    }

    /// Returns the bytes of the heap that are no blocks. `O(N)`.
    pub fn overhead(&self) -> usize {
        self.stats().overhead
    }
}

impl<M: Mode> Stats for Pool<'_, M> {
    type Snapshot = HeapStats;

    fn stats(&self) -> HeapStats {
        let payload = self.iter_stats().map(|pool| pool.blocks * pool.block_size).sum();
        let used = self
            .iter_stats()
            .map(|pool| pool.counters.map(|counters| counters.used * pool.block_size))
            .sum();
        let heap = self.state().size();
        HeapStats { heap, payload, overhead: heap - payload, used }
    }
}
