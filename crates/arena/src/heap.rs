//! Heaps: pools behind a lock, and the inbox through which other threads give blocks back.

pub(crate) mod figures;
pub(crate) mod huge;
pub(crate) mod inbox;
pub(crate) mod large;
pub(crate) mod pools;
pub(crate) mod tag;
mod visit;

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
};

pub(crate) use crate::heap::visit::{Stock, Visit};

use crate::{
    books::{area::Books, broken::Broken, owner::Owner, poison, reference::AreaRef},
    heap::{
        inbox::{Batches, Inbox, OwnedBatch},
        large::{Fresh, LargeBlock, PAGE, Request},
        pools::{Admission, Pools},
    },
    plan::bins::Bin,
    policy,
    sys::lock::{Lock, LockGuard, Mark},
};

/// The memory that one thread, or several, allocate from. It stands in the home of its first area. All zero is a heap
/// without areas.
pub(crate) struct Heap {
    pools: Lock<Pools>,
    inbox: Inbox,
    /// Bytes in the stock of the thread that is at home here, as it last told. `Relaxed`: a figure.
    stock: AtomicUsize,
    /// The book of the tag whose blocks lie here, or null. `Release` where it is set pairs with `Acquire` in
    /// [`tag`](Self::tag).
    tag: AtomicPtr<()>,
}

impl Heap {
    /// Where the book of its tag is named in it.
    pub(crate) const TAG_AT: usize = core::mem::offset_of!(Self, tag);

    /// Makes the heap at home in a new area ready. It doesn't take the lock, which a fork couldn't find: nobody knows of
    /// the area yet.
    pub(crate) fn open(&mut self, area: AreaRef) -> Owner {
        let owner = self.owner();
        let pools = self.pools.get_mut();
        pools.set_owner(owner);
        pools.add_area(area);
        owner
    }

    /// The heap that an owner names.
    ///
    /// # Safety
    ///
    /// It was [opened](Self::open), and lives as long as the reference is used.
    #[inline(always)]
    pub(crate) unsafe fn of(owner: Owner) -> &'static Self {
        // SAFETY: an opened heap stands there for as long as it is used, by this function's contract.
        unsafe { owner.heap().as_ref() }
    }

    /// The heap as an owner.
    #[inline(always)]
    pub(crate) fn owner(&self) -> Owner {
        Owner::at(NonNull::from(self))
    }

    /// The pools, once nobody else has them. `mark` is the calling thread's.
    pub(crate) fn pools(&self, mark: Mark) -> LockGuard<'_, Pools> {
        self.pools.lock(mark)
    }

    /// The lock itself, for a fork, and for callers that don't wait for it.
    pub(crate) fn lock(&self) -> &Lock<Pools> {
        &self.pools
    }

    /// Adds blocks of a bin to a stock of this heap's blocks: those that other threads gave back as far as there is room,
    /// of other bins too, or else those of [`Pools::take`].
    pub(crate) fn refill(&self, mark: Mark, stock: &impl Stock, bin: Bin) -> Visit {
        let mut pools = self.pools(mark);
        let mut spent = pools.load(bin, |blocks| stock.add_all(bin, blocks));
        spent = self.absorb_for(&mut pools, stock).and(spent);
        stock.fill(bin, |slots| {
            if pools.has_grown() {
                spent = pools.empty_magazines().and(core::mem::replace(&mut spent, Batches::NONE));
                stock.give_idle(&mut pools, bin);
                pools.purge_over_peak();
            }
            if pools.needs_memory(bin) && !pools.turn_to_filled(bin) {
                if pools.begins_stretch(bin, slots.len()) && !pools.has_warm_segment(bin) {
                    stock.give_unused(&mut pools, bin);
                }
                pools.turn_to_warm(bin);
            }
            let count = pools.may_take(bin, slots.len());
            pools.take(bin, &mut slots[..count])
        });
        pools.adjust_grant();
        Visit::new(spent, false)
    }

    /// Calls `give`, which gives blocks back, and takes in those that other threads gave back.
    pub(crate) fn drain(&self, mark: Mark, give: impl FnOnce(&mut Pools)) -> Visit {
        let mut pools = self.pools(mark);
        give(&mut pools);
        let spent = self.absorb(&mut pools);
        Visit::new(spent, pools.relieve())
    }

    /// Puts the heap at rest, once its thread ends: calls `give`, which gives the thread's blocks back, and empties the
    /// magazines.
    pub(crate) fn rest(&self, mark: Mark, give: impl FnOnce(&mut Pools)) -> Visit {
        let mut spent = Batches::NONE;
        let visit = self.drain(mark, |pools| {
            give(pools);
            spent = pools.empty_magazines();
            pools.rest();
        });
        visit.and(Visit::new(spent, false))
    }

    /// Whether the heap is at rest, and its books are kept for the next thread.
    pub(crate) fn keeps_books(&self, mark: Mark) -> bool {
        self.pools(mark).figures.keeps_books()
    }

    /// Ends the heap's rest: a thread works with it again.
    pub(crate) fn wake(&self, mark: Mark) {
        self.pools(mark).figures.wake();
    }

    /// Hands a batch over to the heap that owns its blocks. If too much waits there, it is taken in at once, unless a
    /// thread works on the heap.
    pub(crate) fn deliver(mark: Mark, batch: OwnedBatch) -> Option<Visit> {
        let (heap, waiting) = Self::put_in(batch);
        if policy::may_wait_in_inbox(waiting) { None } else { heap.take_in(mark) }
    }

    /// The same, but however little waits there: so the batch, a block of the thread that hands it over, comes back to it,
    /// unless a thread works on the heap.
    pub(crate) fn deliver_at_once(mark: Mark, batch: OwnedBatch) -> Option<Visit> {
        Self::put_in(batch).0.take_in(mark)
    }

    /// Puts a batch in the inbox of the heap that owns its blocks; returns the heap, and about how many bytes wait there.
    fn put_in(batch: OwnedBatch) -> (&'static Self, usize) {
        // SAFETY: [BATCH-2: owner] the owner is a thread's heap, which lives as long as the process.
        let heap = unsafe { Self::of(batch.owner()) };
        // SAFETY: the batch is for the heap that it is handed to.
        (heap, unsafe { heap.inbox.push(batch) })
    }

    /// Takes the inbox in, unless a thread works on the heap.
    fn take_in(&self, mark: Mark) -> Option<Visit> {
        let mut pools = self.pools.try_lock(mark)?;
        let spent = self.absorb(&mut pools);
        Some(Visit::new(spent, pools.relieve()))
    }

    /// One block of a bin, for a thread without a cache; null if memory is out.
    pub(crate) fn allocate_alone(&self, mark: Mark, bin: Bin) -> *mut u8 {
        let mut block = [core::ptr::null_mut()];
        let mut pools = self.pools(mark);
        if pools.may_take(bin, 1) == 1 {
            pools.take(bin, &mut block);
            pools.adjust_grant();
        }
        poison::used(bin, block[0]);
        block[0]
    }

    /// A large block; `None` if memory is out or the limit stands against it.
    pub(crate) fn allocate_large(&self, mark: Mark, request: Request) -> Option<Fresh> {
        let mut pools = self.pools(mark);
        let fresh = pools.allocate_again(request).or_else(|| {
            let may_hold = pools.may_hold(request.size.next_multiple_of(PAGE));
            may_hold.then(|| pools.allocate_large(request)).flatten()
        });
        if let Some(fresh) = &fresh {
            poison::bytes_used(fresh.start, fresh.usable);
            pools.purge_over_peak();
        }
        pools.adjust_grant();
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
        // SAFETY: the address lies in an area of this heap, by this function's contract.
        let large = unsafe { LargeBlock::at(&mut pools, block) };
        let old = large.size(&mut pools);
        let more = size.next_multiple_of(PAGE).saturating_sub(old);
        let done = pools.may_hold(more) && pools.resize_large(large, size);
        poison::bytes_freed(block, old);
        poison::bytes_used(block, large.size(&mut pools));
        let excess = size < old && pools.relieve();
        pools.adjust_grant();
        (done, Visit::new(Batches::NONE, excess))
    }

    /// Gives the heap a limit of its own, as [`Pools::limit_to`] does.
    pub(crate) fn limit_to(&self, mark: Mark, bytes: usize) {
        self.pools(mark).limit_to(bytes);
    }

    /// Admits so many bytes more, as [`Pools::admit`] does.
    pub(crate) fn admit(&self, mark: Mark, more: usize) -> Admission {
        self.pools(mark).admit(more)
    }

    /// Takes a large block back.
    ///
    /// # Safety
    ///
    /// As for [`LargeBlock::at`].
    pub(crate) unsafe fn free_large(&self, mark: Mark, block: *mut u8) -> Visit {
        let mut pools = self.pools(mark);
        // SAFETY: the address lies in an area of this heap, by this function's contract.
        let large = unsafe { LargeBlock::at(&mut pools, block) };
        poison::bytes_freed(block, large.size(&mut pools));
        pools.free_large(large);
        let last = pools.is_over();
        Visit { last, ..Visit::new(Batches::NONE, pools.relieve()) }
    }

    /// Takes one block of a bin back, for a thread that has no cache.
    ///
    /// # Safety
    ///
    /// It lies in a slab of the bin of this heap, and nobody uses it any more.
    pub(crate) unsafe fn free_alone(&self, mark: Mark, bin: Bin, block: *mut u8) -> Visit {
        let mut last = false;
        let visit = self.drain(mark, |pools| {
            // SAFETY: the block lies in a slab of the bin of this heap, and nobody uses it, by this function's contract.
            unsafe { pools.give(bin, &[block]) };
            last = pools.is_over();
        });
        Visit { last, ..visit }
    }

    /// Whether a block of a bin was given back to this heap, by its books, once those that wait are taken in.
    ///
    /// # Safety
    ///
    /// It lies in a slab of the bin of this heap.
    pub(crate) unsafe fn has_free(&self, mark: Mark, bin: Bin, block: *mut u8) -> (bool, Visit) {
        let mut pools = self.pools(mark);
        let spent = self.absorb(&mut pools).and(pools.empty_magazines());
        // SAFETY: it lies in an area of this heap, by this function's contract.
        let has = unsafe { !pools.is_out(block, bin) };
        (has, Visit::new(spent, pools.relieve()))
    }

    /// Leaves the heap to its live blocks, of which whoever gives the last one back ends it. Returns whether there are
    /// any; if not, the heap is the caller's still.
    ///
    /// A thread that gave a block back before the last one may still be about to wake a sleeper as it leaves the lock:
    /// that names the address of the lock, and touches nothing there.
    pub(crate) fn abandon(&self, mark: Mark) -> bool {
        self.pools(mark).abandon()
    }

    /// The bytes in the stock of the thread that is at home here, as it last [told](Self::set_stock); zero if it never did.
    pub(crate) fn stock(&self) -> usize {
        self.stock.load(Ordering::Relaxed)
    }

    /// Notes the bytes in the stock of the thread that is at home here.
    pub(crate) fn set_stock(&self, bytes: usize) {
        self.stock.store(bytes, Ordering::Relaxed);
    }

    /// Checks the invariants of the heap and of all its books. O(tiles of arenas in use).
    pub(crate) fn validate(&self, mark: Mark) -> Result<(), Broken> {
        let mut pools = self.pools(mark);
        // SAFETY: the lock is held.
        unsafe { self.inbox.validate(self.owner()) }?;
        pools.validate()
    }

    /// The number of its areas.
    pub(crate) fn areas(&self, mark: Mark) -> usize {
        self.pools(mark).areas().count()
    }

    /// Calls `look` with the books of one of its areas, the newest of which is number 0.
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

    /// Gives the pools the blocks that wait in the inbox; returns the batches that they came in.
    fn absorb(&self, pools: &mut Pools) -> Batches {
        let spent = self.inbox.take();
        for batch in spent.iter() {
            pools.tallies.gave_remotely(batch.bin(), batch.blocks().len());
            // SAFETY: [INBOX-1: heap] the batch is for this heap; [BATCH-1: blocks] its blocks lie in slabs of its bin.
            unsafe { pools.give(batch.bin(), batch.blocks()) };
        }
        spent
    }

    /// As [`absorb`](Self::absorb), but blocks for which the stock has room go there, and some batches are kept as
    /// magazines: to the pools, the blocks of both are in use.
    fn absorb_for(&self, pools: &mut Pools, stock: &impl Stock) -> Batches {
        let mut spent = Batches::NONE;
        for mut batch in self.inbox.take() {
            let bin = batch.bin();
            pools.tallies.gave_remotely(bin, batch.blocks().len());
            if !stock.add_all(bin, batch.blocks()) {
                // SAFETY: [INBOX-1: heap] the batch is for this heap.
                let Err(other) = (unsafe { pools.magazines.keep(batch) }) else { continue };
                // SAFETY: as above; [BATCH-1: blocks] its blocks lie in slabs of its bin.
                unsafe { pools.give(bin, other.blocks()) };
                batch = other;
            }
            spent.push(batch);
        }
        spent
    }

    /// Takes the inbox in, and gives back memory that has served nothing since the last call, unless a thread works on
    /// the heap.
    pub(crate) fn purge_idle(&self, mark: Mark) -> Option<Batches> {
        let mut pools = self.pools.try_lock(mark)?;
        let spent = self.absorb(&mut pools).and(pools.empty_magazines());
        pools.purge_idle();
        pools.adjust_grant();
        Some(spent)
    }

    /// Gives memory back if the process keeps too much that serves nothing, unless a thread works on the heap.
    pub(crate) fn try_purge_excess(&self, mark: Mark) {
        if let Some(mut pools) = self.pools.try_lock(mark) {
            pools.relieve();
        }
    }

    /// Takes the inbox in, and gives back all memory that serves nothing; returns how many bytes that were.
    pub(crate) fn trim(&self, mark: Mark) -> (usize, Batches) {
        let mut pools = self.pools(mark);
        let spent = self.absorb(&mut pools).and(pools.empty_magazines());
        pools.retire_empty_slabs();
        pools.figures.end_rounds();
        let given = pools.strip();
        pools.adjust_grant_wholly();
        (given, spent)
    }
}
