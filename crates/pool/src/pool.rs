//! The allocator: a request's way to its block, and a block's way back.

use core::{fmt, mem::MaybeUninit, ptr::NonNull};

use stratalloc_core::diag;

use crate::{
    Config, ConfigError, FreeError, Full, Mode, Word,
    mode::{Guard, Spill, Tally},
    record::Record,
    room::Room,
    state::State,
    tiny::Rows,
};

/// A heap divided among pools of equal blocks; all state that changes lies in the heap itself.
///
/// `O(1)` where the table finds the size, else `O(log N)` for `N` pools: no loop over blocks
/// anywhere, not even at the start. Bounds in instructions: see `docs/POOL.md`.
///
/// ```
/// use core::mem::MaybeUninit;
/// use stratalloc_pool::{Config, Pool};
///
/// #[repr(align(8))]
/// struct Heap([MaybeUninit<u8>; 1024]);
/// let mut heap = Heap([MaybeUninit::uninit(); 1024]);
///
/// let pool: Pool = Pool::new(&mut heap.0, &Config::new(&[16, 64]))?;
/// let block = pool.malloc(10).unwrap();
/// assert_eq!(pool.usable_size(block), Some(16));
/// // SAFETY: the block is ours, and not used again.
/// unsafe {
///     assert_eq!(pool.free(block), Ok(()));
///     assert_eq!(pool.free(block), Err(stratalloc_pool::FreeError::NotInUse));
/// }
/// # Ok::<(), stratalloc_pool::ConfigError>(())
/// ```
///
/// It isn't `Sync`: put it behind a lock of `lock_api` to share it, or use
/// [`StaticPool`](crate::StaticPool).
///
/// # Layouts
///
/// [`Allocator`](stratalloc_core::Allocator) serves any layout whose alignment is at most that of the [`Config`] and whose size
/// is at most the largest block's; others are [`AllocError`](stratalloc_core::AllocError). Blocks are resized in place, whether
/// they grow or shrink, as long as they hold the new size.
///
/// # Misuse
///
/// In a [`Checked`](crate::Checked) pool, [`free`](Self::free) returns what is wrong with a pointer
/// and changes nothing; `deallocate`, which can't say it, reports it through
/// [`diag::fatal`] and ends the process, and so does an allocation that finds its free list
/// overwritten. A [`Bare`](crate::Bare) pool trusts its user.
pub struct Pool<'h, M: Mode = Full> {
    state: State<'h, M>,
}

// SAFETY: the heap belongs to the pool alone [STATE-1: ours]; nothing in it belongs to a thread.
unsafe impl<M: Mode> Send for Pool<'_, M> {}

impl<'h, M: Mode> Pool<'h, M> {
    /// Bytes of state that each pool has in the heap.
    pub const STATE: usize = size_of::<Record<M>>();

    /// Divides a heap among the block sizes of `config`.
    ///
    /// `O(N)` for `N` block sizes, and `O(largest / align)` up to `16 N` for the table that finds
    /// a pool by size; no block is touched.
    ///
    /// # Errors
    ///
    /// Each assumption that input can break has its own [`ConfigError`]. Nothing is written then:
    /// the same heap can be tried again.
    pub fn new(heap: &'h mut [MaybeUninit<u8>], config: &Config<'_>) -> Result<Self, ConfigError> {
        let state = State::new(heap, config)?;
        if let Some(rows) = Rows::of(&state) {
            rows.write();
        }
        Ok(Self { state })
    }

    /// Returns a pool in a heap whose state is written.
    pub(crate) fn from_state(state: State<'h, M>) -> Self {
        Self { state }
    }

    pub(crate) fn state(&self) -> &State<'h, M> {
        &self.state
    }

    /// Returns a block of at least `size` bytes: of the smallest size that fits, or, in a
    /// [`Spilling`](crate::Spilling) pool, of the next larger that has one.
    ///
    /// `None` for a size of zero, for one larger than all blocks, and when the pool is exhausted.
    #[inline]
    pub fn malloc(&self, size: usize) -> Option<NonNull<u8>> {
        match self.take_listed(size) {
            Some(block) => Some(block),
            None => self.malloc_slowly(size),
        }
    }

    #[cold]
    #[inline(never)]
    fn malloc_slowly(&self, size: usize) -> Option<NonNull<u8>> {
        self.take(self.pool_for(size)?)
    }

    /// The fast path of all allocations: the table names the pool, and its list has a block. It
    /// calls nothing, so that a caller that has it inlined needs no registers saved.
    #[inline(always)]
    pub(crate) fn take_listed(&self, size: usize) -> Option<NonNull<u8>> {
        self.pop(self.state.table(size)?)
    }

    /// The fast path of deallocations, as [`take_listed`](Self::take_listed) is: false if the block
    /// isn't one of the pool that the table names for its size.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free).
    #[inline(always)]
    pub(crate) unsafe fn give_listed(&self, block: NonNull<u8>, size: usize) -> bool {
        let Some(pool) = self.state.table(size) else { return false };
        let offset = self.state.offset_of(block);
        let Some(number) = self.number(pool, offset) else { return false };
        // SAFETY: a live block isn't used any more; the block of this number begins at the offset.
        unsafe { self.give(pool, offset, number) }.is_ok()
    }

    /// Takes a block back, by its address alone. `O(log N)`.
    ///
    /// # Errors
    ///
    /// What is wrong with the pointer; the pool is as it was then. A pool that isn't
    /// [`Checked`](crate::Checked) finds foreign pointers only.
    ///
    /// # Safety
    ///
    /// If a live block begins at `block`, it is the caller's, and not used any more. In a pool that
    /// isn't checked, a live block begins there, or it lies outside of the heap.
    #[inline]
    pub unsafe fn free(&self, block: NonNull<u8>) -> Result<(), FreeError> {
        if let Some((pool, offset)) = self.state.guess(block) {
            // What has a number in this pool is its block, so the guess was right.
            if let Some(number) = self.number(pool, offset) {
                // SAFETY: a live block isn't used any more.
                return unsafe { self.give(pool, offset, number) };
            }
        }
        // SAFETY: as promised by the caller.
        unsafe { self.free_slowly(block) }
    }

    /// As [`free`](Self::free), where parts aren't equal, or something is wrong with the pointer.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free).
    #[cold]
    #[inline(never)]
    unsafe fn free_slowly(&self, block: NonNull<u8>) -> Result<(), FreeError> {
        let offset = self.state.offset_of(block);
        let pool = self.bisect(offset).ok_or(FreeError::Foreign)?;
        // SAFETY: a live block isn't used any more.
        unsafe {
            match self.number(pool, offset) {
                Some(number) => self.give(pool, offset, number),
                None => self.free_unnumbered(pool, offset),
            }
        }
    }

    /// Returns the size of the block that begins at `block`; `None` if no block does that a checked pool
    /// knows as live, or none at all.
    pub fn usable_size(&self, block: NonNull<u8>) -> Option<usize> {
        let (pool, offset) = self.pool_at(block)?;
        // SAFETY: a block that has a number was handed out once.
        let live = unsafe {
            if let Some(number) = self.number(pool, offset) {
                !M::Guard::<M::Word>::ON || self.state.is_live(self.state.low(pool), number)
            } else {
                let rows = Rows::of_pool(&self.state, pool)?;
                rows.is_live(rows.number(offset)?)
            }
        };
        live.then(|| self.state.record(pool).size.get())
    }

    /// Takes a block from a pool, or from one above it.
    pub(crate) fn take(&self, pool: usize) -> Option<NonNull<u8>> {
        self.pop(pool).or_else(|| self.take_unlisted(pool))
    }

    /// Takes the first block of a pool's free list; `None` if there is none, or it isn't free.
    #[inline(always)]
    fn pop(&self, pool: usize) -> Option<NonNull<u8>> {
        let record = self.state.record(pool);
        let link = record.free.get().get();
        let mut offset = link;
        if M::Guard::<M::Word>::ON {
            // Where there is no link, this is more than any pool has.
            let number = link.wrapping_sub(1);
            if number >= record.fresh.get().get() {
                return None;
            }
            // SAFETY: the block was handed out once.
            if !unsafe { self.state.set_live(self.state.low(pool), number, true) } {
                return None;
            }
            offset = self.state.end(pool) - link * record.size.get();
        } else if link == 0 {
            return None;
        }
        // SAFETY: the first block of the list is free and holds a link [STATE-6: listed].
        record.free.set(unsafe { self.state.link(offset) });
        self.taken(pool, record);
        Some(self.state.at(offset))
    }

    #[inline(always)]
    fn taken(&self, pool: usize, record: &Record<M>) {
        record.tally.allocated();
        if M::Spill::<M::Word>::ON && record.free.get().get() == 0 {
            self.listed_none(pool);
        }
    }

    #[cold]
    fn listed_none(&self, pool: usize) {
        Room(&self.state).set(pool, self.has_fresh(pool));
    }

    /// Returns whether a pool has blocks that were never handed out.
    pub(crate) fn has_fresh(&self, pool: usize) -> bool {
        let record = self.state.record(pool);
        let (fresh, size) = (record.fresh.get().get(), record.size.get());
        let needed = if M::Guard::<M::Word>::ON {
            State::<M>::GEOMETRY.cost(size, fresh + 1)
        } else {
            fresh + size
        };
        needed <= self.state.span(pool)
    }

    /// Takes a block where the free list can't give one: of one byte, a new one, or from above.
    fn take_unlisted(&self, pool: usize) -> Option<NonNull<u8>> {
        if let Some(rows) = Rows::of_pool(&self.state, pool) {
            return match rows.take() {
                Ok(None) => self.take_above(pool),
                Ok(block) => block,
                Err(()) => self.overwritten(pool),
            };
        }
        let record = self.state.record(pool);
        if record.free.get().get() != 0 {
            self.overwritten(pool);
        }
        if !self.has_fresh(pool) {
            return self.take_above(pool);
        }
        Some(self.take_fresh(pool))
    }

    /// Takes a block that was never handed out; there is one.
    #[inline(always)]
    fn take_fresh(&self, pool: usize) -> NonNull<u8> {
        let record = self.state.record(pool);
        let (fresh, size) = (record.fresh.get().get(), record.size.get());
        let (fresh, reach) = if M::Guard::<M::Word>::ON {
            // SAFETY: the pool has this block, and its bit.
            unsafe { self.state.begin_live(self.state.low(pool), fresh) };
            (fresh + 1, (fresh + 1) * size)
        } else {
            (fresh + size, fresh + size)
        };
        record.fresh.set(M::Word::wrap(fresh));
        self.taken(pool, record);
        self.state.at(self.state.end(pool) - reach)
    }

    fn take_above(&self, pool: usize) -> Option<NonNull<u8>> {
        let record = self.state.record(pool);
        if M::Spill::<M::Word>::ON {
            if let Some(above) = Room(&self.state).above(pool) {
                record.spill.spilled();
                return self.take(above);
            }
        }
        record.tally.failed();
        None
    }

    /// Puts a block on its pool's free list.
    ///
    /// # Safety
    ///
    /// `number` is that of the block at `offset`, and if that block is live, nobody uses it.
    #[inline(always)]
    unsafe fn give(&self, pool: usize, offset: usize, number: usize) -> Result<(), FreeError> {
        let record = self.state.record(pool);
        let mut link = offset;
        if M::Guard::<M::Word>::ON {
            // SAFETY: the block has a number, so it was handed out once.
            if !unsafe { self.state.set_live(self.state.low(pool), number, false) } {
                return Err(FreeError::NotInUse);
            }
            link = number + 1;
        }
        if M::Spill::<M::Word>::ON && record.free.get().get() == 0 {
            Room(&self.state).set(pool, true);
        }
        // SAFETY: the block was live, and nobody uses it; one that has a number holds a link.
        unsafe { self.state.set_link(offset, record.free.get()) };
        record.free.set(M::Word::wrap(link));
        record.tally.deallocated();
        Ok(())
    }

    /// Takes back a block of one byte, or returns what is wrong with an offset that has no number.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free).
    unsafe fn free_unnumbered(&self, pool: usize, offset: usize) -> Result<(), FreeError> {
        if let Some(rows) = Rows::of_pool(&self.state, pool) {
            if let Some(number) = rows.number(offset) {
                // SAFETY: the block has a number; a live block isn't used any more.
                return unsafe { rows.give(number) };
            }
        }
        let distance = self.state.end(pool) - offset;
        let size = self.state.record(pool).size.get();
        Err(if distance.div_ceil(size) > self.capacity(pool) {
            FreeError::Foreign
        } else if distance % size == 0 {
            FreeError::NotInUse
        } else {
            FreeError::Interior
        })
    }

    #[cold]
    #[inline(never)]
    fn overwritten(&self, pool: usize) -> ! {
        let size = self.state.record(pool).size.get();
        diag::fatal(format_args!("pool of {size} bytes: a free block was written to"))
    }
}

impl<M: Mode> fmt::Debug for Pool<'_, M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Pool")
            .field("heap", &self.state.start())
            .field("size", &self.state.size())
            .field("pools", &self.state.count())
            .finish_non_exhaustive()
    }
}

mod lookup;
#[cfg(test)]
mod tests;
