//! A heap: pools behind a lock, and the inbox through which other threads give its blocks back.

pub(crate) mod figures;
pub(crate) mod huge;
pub(crate) mod inbox;
pub(crate) mod large;
pub(crate) mod pools;
mod visit;

use core::ptr::NonNull;

pub(crate) use crate::heap::visit::{Stock, Visit};

use crate::{
    books::{area::Books, owner::Owner, poison, reference::AreaRef},
    heap::{
        inbox::{Batch, Batches, Inbox},
        large::{Fresh, LargeBlock, PAGE, Request},
        pools::Pools,
    },
    plan::bins::Bin,
    policy,
    sys::lock::{Lock, LockGuard, Mark},
};

/// The memory that one thread, or several, allocate from. Lives as long as the process, at the start
/// of its first area. All zero is a heap without areas.
pub(crate) struct Heap {
    pools: Lock<Pools>,
    inbox: Inbox,
}

impl Heap {
    /// Makes the heap at home in a new area ready. Without its lock, which a fork couldn't find: nobody knows
    /// of the area yet.
    ///
    /// # Safety
    ///
    /// `area` is new, has this heap at home in it, and outlives it.
    pub(crate) unsafe fn settle(&mut self, area: AreaRef) -> Owner {
        let owner = self.owner();
        let pools = self.pools.get_mut();
        pools.set_owner(owner);
        pools.add_area(area);
        owner
    }

    /// The heap that an owner is.
    ///
    /// # Safety
    ///
    /// It was [settled](Self::settle), and lives as long as the reference is used.
    #[inline(always)]
    pub(crate) unsafe fn of(owner: Owner) -> &'static Self {
        // SAFETY: the caller's promise.
        unsafe { owner.heap().as_ref() }
    }

    /// It as an owner.
    #[inline(always)]
    pub(crate) fn owner(&self) -> Owner {
        Owner::at(NonNull::from(self))
    }

    /// The pools, once nobody else has them. `mark` is the calling thread's.
    pub(crate) fn pools(&self, mark: Mark) -> LockGuard<'_, Pools> {
        self.pools.lock(mark)
    }

    /// The lock itself, for a fork, and for who won't wait for it.
    pub(crate) fn lock(&self) -> &Lock<Pools> {
        &self.pools
    }

    /// Puts blocks of a bin on the stack of a cache of this heap: what other threads gave back as far as there
    /// is room, of other bins too, or else what [`Pools::take`] has. The batches that come back are the
    /// caller's to free.
    pub(crate) fn refill(&self, mark: Mark, stock: &impl Stock, bin: Bin) -> Visit {
        let mut pools = self.pools(mark);
        let mut spent = pools.load(bin, |blocks| stock.stow(bin, blocks));
        spent = self.absorb_for(&mut pools, stock).and(spent);
        stock.fill(bin, |slots| {
            if pools.has_grown() {
                spent = pools.empty_magazines().and(core::mem::replace(&mut spent, Batches::NONE));
                stock.give_idle(&mut pools, bin);
                pools.purge_over_peak();
            }
            let count = pools.may_hold_blocks(slots.len(), bin.shape().block_size as usize);
            pools.take(bin, &mut slots[..count])
        });
        pools.settle();
        Visit { spent, excess: false }
    }

    /// Lets the caller `give` blocks back, and takes what other threads gave back with them.
    pub(crate) fn drain(&self, mark: Mark, give: impl FnOnce(&mut Pools)) -> Visit {
        let mut pools = self.pools(mark);
        give(&mut pools);
        let spent = self.absorb(&mut pools);
        Visit { spent, excess: pools.relieve() }
    }

    /// Whoever worked with the heap does so no more: what he has left is `given` to the pools.
    pub(crate) fn rest(&self, mark: Mark, give: impl FnOnce(&mut Pools)) -> Visit {
        let mut spent = Batches::NONE;
        let visit = self.drain(mark, |pools| {
            give(pools);
            spent = pools.empty_magazines();
            pools.rest();
        });
        visit.and(Visit { spent, excess: false })
    }

    /// Whether nobody works with the heap, and its books are kept for whoever will.
    pub(crate) fn keeps_books(&self, mark: Mark) -> bool {
        self.pools(mark).figures.keeps_books()
    }

    /// Somebody works with it again.
    pub(crate) fn wake(&self, mark: Mark) {
        self.pools(mark).figures.wake();
    }

    /// Hands a batch over that this heap owns the blocks of. The batches that come back are the
    /// caller's to free.
    ///
    /// # Safety
    ///
    /// As for [`Inbox::push`].
    pub(crate) unsafe fn deliver(&self, mark: Mark, batch: *mut Batch) -> Option<Visit> {
        // SAFETY: the caller's promise, passed on.
        if policy::may_wait_in_inbox(unsafe { self.inbox.push(batch) }) {
            return None;
        }
        let mut pools = self.pools.try_lock(mark)?;
        let spent = self.absorb(&mut pools);
        Some(Visit { spent, excess: pools.relieve() })
    }

    /// One block of a bin, for who has no cache; null if memory is out.
    pub(crate) fn allocate_alone(&self, mark: Mark, bin: Bin) -> *mut u8 {
        let mut block = [core::ptr::null_mut()];
        let mut pools = self.pools(mark);
        if pools.may_hold(bin.shape().block_size as usize) {
            pools.take(bin, &mut block);
            pools.settle();
        }
        poison::used(bin, block[0]);
        block[0]
    }

    /// A large block, as [`Pools::allocate_large`] has it.
    pub(crate) fn allocate_large(&self, mark: Mark, request: Request) -> Option<Fresh> {
        let mut pools = self.pools(mark);
        let fresh = pools
            .may_hold(request.size.next_multiple_of(PAGE))
            .then(|| pools.allocate_large(request))
            .flatten();
        if let Some(fresh) = &fresh {
            poison::bytes_used(fresh.start, fresh.usable);
            pools.purge_over_peak();
        }
        pools.settle();
        fresh
    }

    /// Gives a large block another size where it stands; returns whether it could.
    ///
    /// # Safety
    ///
    /// As for [`LargeBlock::at`].
    pub(crate) unsafe fn resize_large(
        &self,
        mark: Mark,
        block: *mut u8,
        size: usize,
    ) -> (bool, Visit) {
        let mut pools = self.pools(mark);
        // SAFETY: the caller's promise is the same.
        let large = unsafe { LargeBlock::at(&mut pools, block) };
        let old = large.size(&mut pools);
        let more = size.next_multiple_of(PAGE).saturating_sub(old);
        let done = pools.may_hold(more) && pools.resize_large(large, size);
        poison::bytes_freed(block, old);
        poison::bytes_used(block, large.size(&mut pools));
        let excess = size < old && pools.relieve();
        pools.settle();
        (done, Visit { spent: Batches::NONE, excess })
    }

    /// Takes a large block back.
    ///
    /// # Safety
    ///
    /// As for [`LargeBlock::at`].
    pub(crate) unsafe fn free_large(&self, mark: Mark, block: *mut u8) -> Visit {
        let mut pools = self.pools(mark);
        // SAFETY: the caller's promise is the same.
        let large = unsafe { LargeBlock::at(&mut pools, block) };
        poison::bytes_freed(block, large.size(&mut pools));
        pools.free_large(large);
        Visit { spent: Batches::NONE, excess: pools.relieve() }
    }

    /// Takes one block of a bin back, for a thread that has no cache.
    ///
    /// # Safety
    ///
    /// It lies in a slab of the bin of this heap, and nobody uses it any more.
    pub(crate) unsafe fn free_alone(&self, mark: Mark, bin: Bin, block: *mut u8) -> Visit {
        // SAFETY: the caller's promise.
        self.drain(mark, |pools| unsafe { pools.give(bin, &[block]) })
    }

    /// How many areas it has.
    pub(crate) fn areas(&self, mark: Mark) -> usize {
        self.pools(mark).areas().count()
    }

    /// Looks at the books of one of its areas, the newest of which is number 0.
    pub(crate) fn with_area<T>(
        &self,
        mark: Mark,
        number: usize,
        look: impl FnOnce(&mut Books) -> T,
    ) -> Option<T> {
        let mut pools = self.pools(mark);
        let area = pools.areas().nth(number)?;
        Some(look(pools.books(area)))
    }

    /// Gives the pools what waits in the inbox; the batches themselves are left to be freed.
    fn absorb(&self, pools: &mut Pools) -> Batches {
        let spent = self.inbox.take();
        for batch in spent.clone() {
            // SAFETY: a batch out of the inbox is the taker's.
            let batch = unsafe { &*batch };
            pools.tallies.gave_remotely(batch.bin(), batch.blocks().len());
            // SAFETY: [BATCH-1: blocks] of the batch.
            unsafe { pools.give(batch.bin(), batch.blocks()) };
        }
        spent
    }

    /// As [`absorb`](Self::absorb), except for blocks that the stock has room for, and for batches that are kept as
    /// magazines: to the pools, these are in use.
    fn absorb_for(&self, pools: &mut Pools, stock: &impl Stock) -> Batches {
        let mut spent = Batches::NONE;
        for batch in self.inbox.take() {
            // SAFETY: a batch out of the inbox is the taker's.
            let (bin, blocks) = unsafe { ((*batch).bin(), (*batch).blocks()) };
            pools.tallies.gave_remotely(bin, blocks.len());
            if !stock.stow(bin, blocks) {
                if pools.magazines.keep(batch) {
                    continue;
                }
                // SAFETY: [BATCH-1: blocks] of the batch.
                unsafe { pools.give(bin, blocks) };
            }
            spent.push(batch);
        }
        spent
    }

    /// Takes in what waits, and gives back what has served nothing since the last call, unless somebody
    /// works on the heap.
    pub(crate) fn purge_idle(&self, mark: Mark) -> Option<Batches> {
        let mut pools = self.pools.try_lock(mark)?;
        let spent = self.absorb(&mut pools).and(pools.empty_magazines());
        pools.purge_idle();
        pools.settle();
        Some(spent)
    }

    /// Gives memory back if the process holds too much that serves nothing, unless somebody works on the heap.
    pub(crate) fn try_purge_excess(&self, mark: Mark) {
        if let Some(mut pools) = self.pools.try_lock(mark) {
            pools.relieve();
        }
    }

    /// Takes in what waits, gives back all memory that serves nothing; says how many bytes.
    pub(crate) fn trim(&self, mark: Mark) -> (usize, Batches) {
        let mut pools = self.pools(mark);
        let spent = self.absorb(&mut pools).and(pools.empty_magazines());
        pools.retire_empty_slabs();
        pools.figures.end_rounds();
        let given = pools.strip();
        pools.settle_wholly();
        (given, spent)
    }
}
