//! A heap: pools behind a lock, and the inbox through which other threads give its blocks back.

use crate::{
    area::Area,
    batch::{Batch, Batches, Inbox},
    dirty,
    large::LargeBlock,
    lock::{Lock, LockGuard},
    pools::Pools,
    registry, values,
};

/// Batches that may wait in an inbox before whoever adds one looks after them: their owner may be
/// idle for ever. About 32 KiB of the smallest blocks, 60 MiB of the largest.
const MAX_WAITING: usize = 64;

/// The memory that one thread, or several, allocate from. Lives as long as the process, at the start
/// of its first area. All zero is a heap without areas.
pub(crate) struct Heap {
    pools: Lock<Pools>,
    inbox: Inbox,
}

impl Heap {
    /// Makes the heap at home in a new area ready.
    pub(crate) fn settle(&'static self, area: *mut Area) {
        // A fork in a signal handler must be able to tell that the lock is this thread's.
        let mut pools = self.pools.lock(crate::thread::mark());
        pools.set_owner(self);
        // SAFETY: the area is new, and this heap its owner.
        unsafe { pools.add_area(area) };
    }

    /// The pools, once nobody else has them. `mark` is the calling thread's.
    pub(crate) fn pools(&self, mark: usize) -> LockGuard<'_, Pools> {
        self.pools.lock(mark)
    }

    /// The lock itself, for a fork.
    pub(crate) fn lock(&self) -> &Lock<Pools> {
        &self.pools
    }

    /// Takes blocks of a bin as [`Pools::take`], after what other threads gave back.
    pub(crate) fn refill(
        &self,
        mark: usize,
        bin: usize,
        slots: &mut [*mut u8],
    ) -> (usize, Batches) {
        let mut pools = self.pools(mark);
        let spent = self.absorb(&mut pools);
        (pools.take(bin, slots), spent)
    }

    /// Takes blocks of a bin back, and what other threads gave back with them.
    pub(crate) fn drain(&self, mark: usize, bin: usize, blocks: &[*mut u8]) -> Batches {
        let mut pools = self.pools(mark);
        pools.give(bin, blocks);
        let spent = self.absorb(&mut pools);
        relieve(pools, mark);
        spent
    }

    /// Hands a batch over that this heap owns the blocks of. The batches that come back are the
    /// caller's to free.
    ///
    /// # Safety
    ///
    /// As for [`Inbox::push`].
    pub(crate) unsafe fn deliver(&self, mark: usize, batch: *mut Batch) -> Option<Batches> {
        // SAFETY: the caller's promise, passed on.
        if unsafe { self.inbox.push(batch) } < MAX_WAITING {
            return None;
        }
        let mut pools = self.pools.try_lock(mark)?;
        let spent = self.absorb(&mut pools);
        relieve(pools, mark);
        Some(spent)
    }

    /// Takes a large block back.
    pub(crate) fn free_large(&self, mark: usize, block: *mut u8) {
        let mut pools = self.pools(mark);
        let large = LargeBlock::at(&mut pools, block);
        pools.free_large(large);
        relieve(pools, mark);
    }

    /// Whether it has one area only.
    pub(crate) fn has_one_area(&self, mark: usize) -> bool {
        let mut pools = self.pools(mark);
        let first = pools.areas;
        !first.is_null() && pools.books(first).next.is_null()
    }

    /// Gives the pools what waits in the inbox; the batches themselves are left to be freed.
    fn absorb(&self, pools: &mut Pools) -> Batches {
        let spent = self.inbox.take();
        for batch in spent.clone() {
            // SAFETY: a batch out of the inbox is the taker's.
            let batch = unsafe { &*batch };
            pools.give(batch.bin(), batch.blocks());
        }
        spent
    }

    /// Takes in what waits, gives back all memory that serves nothing; says how many bytes.
    pub(crate) fn trim(&self, mark: usize) -> (usize, Batches) {
        let mut pools = self.pools(mark);
        let spent = self.absorb(&mut pools);
        pools.retire_empty_slabs();
        (pools.purge_to(0), spent)
    }
}

/// Gives memory back if the process holds too much that serves nothing: of the heap in hand, and if that
/// isn't enough, of heaps that nobody works on just now.
pub(crate) fn relieve(mut pools: LockGuard<'_, Pools>, mark: usize) {
    pools.purge_excess();
    drop(pools);
    if !dirty::is_excess() {
        return;
    }
    let mut purge = |heap: &Heap| {
        if let Some(mut pools) = heap.pools.try_lock(mark) {
            pools.purge_excess();
        }
    };
    registry::heaps(0).for_each(&mut purge);
    values::try_each(mark, purge);
    dirty::asked_all();
}
