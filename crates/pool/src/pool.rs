//! The allocator: a request's way to its block, and a block's way back.

use core::{
    alloc::Layout,
    fmt,
    mem::MaybeUninit,
    ptr::{self, NonNull},
};

use stratalloc_core::{AllocError, Allocator, FreeUnsized, Owns, ResizeInPlace, UsableSize, diag};

use crate::{
    Config, ConfigError, FreeError, Full, Mode, Word,
    mode::{Guard, Spill, Tally},
    room::Room,
    state::{Record, State},
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
/// [`Allocator`] serves any layout whose alignment is at most that of the [`Config`] and whose size
/// is at most the largest block's; others are [`AllocError`]. Blocks are resized in place, whether
/// they grow or shrink, as long as they hold the new size.
///
/// # Misuse
///
/// In a [`Checked`](crate::Checked) pool, [`free`](Self::free) says what is wrong with a pointer
/// and changes nothing; `deallocate`, which can't say it, reports it through
/// [`diag::fatal`] and ends the process, and so does an allocation that finds its free list
/// overwritten. A [`Bare`](crate::Bare) pool trusts its user.
pub struct Pool<'h, M: Mode = Full> {
    state: State<'h, M>,
}

// SAFETY: the heap belongs to the pool alone [S1: ours]; nothing in it belongs to a thread.
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
        Ok(Self { state: State::new(heap, config)? })
    }

    /// A pool in a heap whose state is written.
    pub(crate) fn from_state(state: State<'h, M>) -> Self {
        Self { state }
    }

    pub(crate) fn state(&self) -> &State<'h, M> {
        &self.state
    }

    /// A block of at least `size` bytes: of the smallest size that fits, or, in a
    /// [`Spilling`](crate::Spilling) pool, of the next larger that has one.
    ///
    /// `None` for a size of zero, for one larger than all blocks, and when the pool is exhausted.
    #[inline]
    pub fn malloc(&self, size: usize) -> Option<NonNull<u8>> {
        self.take(self.pool_for(size)?)
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
        let (pool, offset) = self.pool_at(block).ok_or(FreeError::Foreign)?;
        let number = self.number(pool, offset).ok_or_else(|| self.why_not(pool, offset))?;
        // SAFETY: the block was handed out once; the caller's promise.
        unsafe { self.give(pool, offset, number) }
    }

    /// The size of the block that begins at `block`; `None` if no block does that a checked pool
    /// knows as live, or none at all.
    pub fn usable_size(&self, block: NonNull<u8>) -> Option<usize> {
        let (pool, offset) = self.pool_at(block)?;
        let number = self.number(pool, offset)?;
        let record = self.state.record(pool);
        // SAFETY: the block's number is below `fresh`.
        let live = !M::Guard::<M::Word>::ON || unsafe { self.state.is_live(record, number) };
        live.then(|| record.size.get())
    }

    /// The pool of the smallest blocks that hold `size` bytes.
    #[inline(always)]
    fn pool_for(&self, size: usize) -> Option<usize> {
        self.state.table(size).or_else(|| self.search(size))
    }

    /// As [`pool_for`](Self::pool_for), where there is no table entry.
    fn search(&self, size: usize) -> Option<usize> {
        let pool = self.state.all().partition_point(|record| record.size.get() < size);
        (size != 0 && pool < self.state.count()).then_some(pool)
    }

    /// The pool whose part of the heap a pointer leads to, and its offset.
    #[inline(always)]
    fn pool_at(&self, pointer: NonNull<u8>) -> Option<(usize, usize)> {
        let offset = self.state.offset_of(pointer);
        if offset >= self.state.size() {
            return None;
        }
        let after = self.state.all().partition_point(|record| record.low.get() <= offset);
        Some((after.checked_sub(1)?, offset))
    }

    /// The number of the block that begins at `offset`, counted from the pool's upper end; `None`
    /// unless it was handed out at least once.
    ///
    /// Without checks, the distance of any byte of such a block from that end: for blocks of one
    /// byte, which alone need it, their number.
    #[inline(always)]
    fn number(&self, pool: usize, offset: usize) -> Option<usize> {
        let record = self.state.record(pool);
        let distance = M::Word::wrap(self.state.high(pool).get().wrapping_sub(offset));
        let fresh = record.fresh.get().get();
        if M::Guard::<M::Word>::ON {
            let inverse = record.guard.inverse();
            let number = M::Word::exact_quotient(distance, record.size, inverse).wrapping_sub(1);
            (number < fresh).then_some(number)
        } else {
            let number = distance.get().wrapping_sub(1);
            (number < fresh * record.size.get()).then_some(number)
        }
    }

    /// Takes a block from a pool, or from one above it.
    #[inline(always)]
    fn take(&self, pool: usize) -> Option<NonNull<u8>> {
        let record = self.state.record(pool);
        let head = record.free.get().get();
        if head == 0 || State::<M>::GEOMETRY.is_tiny(record.size.get()) {
            return self.take_slowly(pool);
        }
        if M::Guard::<M::Word>::ON {
            match self.number(pool, head) {
                // SAFETY: the block has a number, so it was handed out once.
                Some(number) if unsafe { !self.state.is_live(record, number) } => unsafe {
                    self.state.flip_live(record, number);
                },
                _ => self.overwritten(pool),
            }
        }
        // SAFETY: the head of the list is a free block that holds a link [S6: listed].
        record.free.set(unsafe { self.state.link(head) });
        self.taken(pool, record);
        Some(self.state.at(head))
    }

    #[inline(always)]
    fn taken(&self, pool: usize, record: &Record<M>) {
        record.tally.allocated();
        if M::Spill::<M::Word>::ON && record.free.get().get() == 0 && !self.has_fresh(pool) {
            Room(&self.state).set(pool, false);
        }
    }

    /// Whether a pool has blocks that were never handed out.
    pub(crate) fn has_fresh(&self, pool: usize) -> bool {
        let record = self.state.record(pool);
        let blocks = record.fresh.get().get() + 1;
        State::<M>::GEOMETRY.cost(record.size.get(), blocks) <= self.state.span(pool)
    }

    /// Takes a block where the free list can't give one: of one byte, a new one, or from above.
    #[cold]
    #[inline(never)]
    fn take_slowly(&self, pool: usize) -> Option<NonNull<u8>> {
        let record = self.state.record(pool);
        let offset = if record.free.get().get() != 0 {
            self.take_tiny(pool)
        } else if self.has_fresh(pool) {
            self.take_fresh(pool)
        } else {
            return self.take_above(pool);
        };
        self.taken(pool, record);
        Some(self.state.at(offset))
    }

    fn take_tiny(&self, pool: usize) -> usize {
        let rows = self.rows(pool);
        // SAFETY: there is a free block.
        let block = unsafe { rows.first() };
        let record = self.state.record(pool);
        if M::Guard::<M::Word>::ON {
            // SAFETY: a free block of a row that has begun was handed out once, unless its link
            // was overwritten: that is tested first.
            if block >= record.fresh.get().get() || unsafe { self.state.is_live(record, block) } {
                self.overwritten(pool);
            }
            // SAFETY: just tested.
            unsafe { self.state.flip_live(record, block) };
        }
        // SAFETY: there is a free block.
        unsafe { rows.pop() };
        rows.offset(block)
    }

    fn take_fresh(&self, pool: usize) -> usize {
        let record = self.state.record(pool);
        let block = record.fresh.get().get();
        if State::<M>::GEOMETRY.is_tiny(record.size.get()) {
            // SAFETY: the pool has this block, the first never handed out.
            unsafe { self.rows(pool).begin(block) };
        }
        if M::Guard::<M::Word>::ON {
            // SAFETY: as above.
            unsafe { self.state.begin_live(record, block) };
        }
        record.fresh.set(M::Word::wrap(block + 1));
        record.low.get() + self.state.span(pool) - (block + 1) * record.size.get()
    }

    fn take_above(&self, pool: usize) -> Option<NonNull<u8>> {
        let record = self.state.record(pool);
        if M::Spill::<M::Word>::ON
            && let Some(above) = Room(&self.state).above(pool)
        {
            record.spill.spilled();
            return self.take(above);
        }
        record.tally.failed();
        None
    }

    pub(crate) fn rows(&self, pool: usize) -> Rows<'_, 'h, M> {
        let record = self.state.record(pool);
        let high = record.low.get() + self.state.span(pool);
        Rows { state: &self.state, record, high }
    }

    /// Puts a block on its pool's free list.
    ///
    /// # Safety
    ///
    /// `number` is that of the block at `offset`, and if that block is live, nobody uses it.
    #[inline(always)]
    unsafe fn give(&self, pool: usize, offset: usize, number: usize) -> Result<(), FreeError> {
        let record = self.state.record(pool);
        if M::Guard::<M::Word>::ON {
            // SAFETY: the block has a number, so it was handed out once.
            unsafe {
                if !self.state.is_live(record, number) {
                    return Err(FreeError::NotInUse);
                }
                self.state.flip_live(record, number);
            }
        }
        record.tally.deallocated();
        if M::Spill::<M::Word>::ON && record.free.get().get() == 0 {
            Room(&self.state).set(pool, true);
        }
        if State::<M>::GEOMETRY.is_tiny(record.size.get()) {
            // SAFETY: the block was live, and nobody uses it.
            unsafe { self.rows(pool).push(number) };
        } else {
            // SAFETY: as above; a block that isn't tiny holds a link.
            unsafe { self.state.set_link(offset, record.free.get()) };
            record.free.set(M::Word::wrap(offset));
        }
        Ok(())
    }

    /// What is wrong with an offset in a pool's part of the heap that has no number.
    #[cold]
    fn why_not(&self, pool: usize, offset: usize) -> FreeError {
        let record = self.state.record(pool);
        let distance = record.low.get() + self.state.span(pool) - offset;
        let size = record.size.get();
        if distance.div_ceil(size) > self.capacity(pool) {
            FreeError::Foreign
        } else if distance.is_multiple_of(size) {
            FreeError::NotInUse
        } else {
            FreeError::Interior
        }
    }

    /// The number of a pool's blocks, free, live or never used.
    pub(crate) fn capacity(&self, pool: usize) -> usize {
        State::<M>::GEOMETRY.fit(self.state.record(pool).size.get(), self.state.span(pool))
    }

    /// Takes back a block of known size: found without a search unless it was spilled or resized.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free); `size` is at most the block's.
    #[inline(always)]
    unsafe fn free_sized(&self, block: NonNull<u8>, size: usize) -> Result<(), FreeError> {
        let offset = self.state.offset_of(block);
        if offset < self.state.size()
            && let Some(pool) = self.pool_for(size)
            && let Some(number) = self.number(pool, offset)
        {
            // SAFETY: the caller's promise; the block of this pool at this offset has this number.
            return unsafe { self.give(pool, offset, number) };
        }
        // SAFETY: the caller's promise.
        unsafe { self.free(block) }
    }

    #[cold]
    #[inline(never)]
    fn overwritten(&self, pool: usize) -> ! {
        let size = self.state.record(pool).size.get();
        diag::fatal(format_args!("pool of {size} bytes: a free block was written to"))
    }
}

#[cold]
#[inline(never)]
fn bad_free(block: NonNull<u8>, error: FreeError) -> ! {
    diag::fatal(format_args!("pool: free of {block:p}: {error}"))
}

// SAFETY: the blocks of a pool are disjoint parts of the heap [S3: nested], each is on the free
// list only while it isn't live [S6: listed], and the heap outlives the pool [S1: ours] and doesn't
// move with it. Block sizes are multiples of the alignment, and pools end aligned.
unsafe impl<M: Mode> Allocator for Pool<'_, M> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.align() > self.state.align() && layout.size() != 0 {
            return Err(AllocError);
        }
        let Some(pool) = self.pool_for(layout.size()) else {
            return dangling_or_error(layout);
        };
        let block = self.take(pool).ok_or(AllocError)?;
        // A spilled block is larger than this, and its size costs a search: it isn't promised.
        Ok(NonNull::slice_from_raw_parts(block, self.state.record(pool).size.get()))
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() == 0 {
            return;
        }
        // SAFETY: the caller's promise.
        if let Err(error) = unsafe { self.free_sized(block, layout.size()) } {
            bad_free(block, error);
        }
    }

    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise, here and below.
        unsafe {
            if self.resize_in_place(block, old, new).is_ok() {
                return Ok(NonNull::slice_from_raw_parts(block, new.size()));
            }
            let moved = self.allocate(new)?;
            moved.cast::<u8>().copy_from_nonoverlapping(block, old.size());
            self.deallocate(block, old);
            Ok(moved)
        }
    }

    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise; the block returned is ours to write.
        unsafe {
            let grown = self.grow(block, old, new)?;
            grown.cast::<u8>().add(old.size()).write_bytes(0, grown.len() - old.size());
            Ok(grown)
        }
    }

    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise, here and below.
        unsafe {
            if self.resize_in_place(block, old, new).is_ok() {
                return Ok(NonNull::slice_from_raw_parts(block, new.size()));
            }
            let moved = self.allocate(new)?;
            moved.cast::<u8>().copy_from_nonoverlapping(block, new.size());
            self.deallocate(block, old);
            Ok(moved)
        }
    }
}

/// The answer to a layout that no pool serves: a size of zero needs no memory.
#[cold]
fn dangling_or_error(layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    if layout.size() != 0 {
        return Err(AllocError);
    }
    let dangling = NonNull::new(ptr::without_provenance_mut(layout.align())).ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(dangling, 0))
}

impl<M: Mode> Owns for Pool<'_, M> {
    fn owns(&self, address: NonNull<u8>) -> bool {
        let Some((pool, offset)) = self.pool_at(address) else { return false };
        let distance = self.state.record(pool).low.get() + self.state.span(pool) - offset;
        distance <= self.capacity(pool) * self.state.record(pool).size.get()
    }
}

impl<M: Mode> UsableSize for Pool<'_, M> {
    unsafe fn usable_size(&self, block: NonNull<u8>) -> usize {
        Pool::usable_size(self, block).unwrap_or_default()
    }
}

impl<M: Mode> FreeUnsized for Pool<'_, M> {
    #[inline]
    unsafe fn free_unsized(&self, block: NonNull<u8>) {
        // SAFETY: the caller's promise.
        if let Err(error) = unsafe { self.free(block) } {
            bad_free(block, error);
        }
    }
}

impl<M: Mode> ResizeInPlace for Pool<'_, M> {
    /// A block serves any size up to its own; zero isn't one of them, for blocks of size zero are
    /// none of the pool's.
    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<(), AllocError> {
        let kept = old.size() != 0 && new.size() != 0 && new.align() <= self.state.align();
        match Pool::usable_size(self, block) {
            Some(size) if kept && new.size() <= size => Ok(()),
            _ => Err(AllocError),
        }
    }
}

impl<M: Mode> fmt::Debug for Pool<'_, M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Pool")
            .field("heap", &self.state.at(0))
            .field("size", &self.state.size())
            .field("pools", &self.state.count())
            .finish_non_exhaustive()
    }
}
