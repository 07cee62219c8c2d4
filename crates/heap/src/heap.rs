//! The heap as its users see it.

use core::{
    alloc::Layout,
    cell::UnsafeCell,
    fmt,
    ptr::{NonNull, with_exposed_provenance_mut},
};

use stratalloc_core::{AllocError, Allocator, diag};

use crate::{
    cells::CELL,
    engine::Engine,
    policy::{Compact, Policy},
    quick::QUICK,
    region::{Chunk, Table},
    stats::Snapshot,
    walk::{Corruption, Extent},
};

/// A base that has nothing to give: a heap over it serves the regions it was given, and no more.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBase;

// SAFETY: no block is ever returned, so every clause holds of all of them.
unsafe impl Allocator for NoBase {
    fn allocate(&self, _: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Err(AllocError)
    }

    unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
}

/// Blocks of any size, cut from regions of memory, without headers.
///
/// Memory comes from regions that are given ([`add_region`](Self::add_region)), and from the base,
/// any [`Allocator`], when those don't suffice. See the [crate](crate) for how it works.
///
/// Not `Sync`: one thread at a time, or a lock (`stratalloc_core::Locked`) around it.
///
/// # Invariants
///
/// - **H1**: no reference to the engine outlives the call that made it, and no call of the base is
///   made while there is one: a base may not call the heap that stands on it.
///
/// # Example
///
/// ```
/// use core::{alloc::Layout, ptr::NonNull};
/// use stratalloc_core::Allocator;
/// use stratalloc_heap::{Heap, NoBase};
///
/// let mut memory = [0_u64; 512];
/// let heap: Heap = Heap::new(NoBase);
/// // SAFETY: the memory is the heap's until the end.
/// assert!(unsafe { heap.add_region(NonNull::from(&mut memory[..]).cast(), 4096) });
/// let layout = Layout::new::<[u32; 100]>();
/// let block = heap.allocate(layout)?.cast();
/// // SAFETY: allocated just so.
/// unsafe { heap.deallocate(block, layout) };
/// # Ok::<(), stratalloc_core::AllocError>(())
/// ```
pub struct Heap<B: Allocator = NoBase, P: Policy = Compact> {
    engine: UnsafeCell<Engine<P>>,
    base: B,
}

// SAFETY: the memory is the heap's alone; nothing in it belongs to a thread.
unsafe impl<B: Allocator + Send, P: Policy> Send for Heap<B, P> {}

/// The alignment of what the heap asks of its base.
const CHUNK_ALIGN: usize = 16;

/// The heap asks its base for multiples of this many bytes: the kernel's blocks in seed 001.
const CHUNK_STEP: usize = 4096;

impl<B: Allocator, P: Policy> Heap<B, P> {
    /// A heap without memory yet; it takes from `base` what it needs, when it needs it.
    pub const fn new(base: B) -> Self {
        Self { engine: UnsafeCell::new(Engine::new()), base }
    }

    /// Gives the heap `size` bytes to cut blocks from; whether they were enough to be of use.
    ///
    /// Regions needn't be adjacent, nor aligned. About 1/126 of each is for its tags.
    ///
    /// # Safety
    ///
    /// The memory is the heap's alone, to read and write, until the heap is dropped and no block of
    /// it is used any more.
    pub unsafe fn add_region(&self, start: NonNull<u8>, size: usize) -> bool {
        let start = start.as_ptr().expose_provenance();
        // SAFETY: the caller's promise.
        unsafe { self.engine().add_chunk(Chunk { start, size, owned: false }) }
    }

    /// The base.
    pub const fn base(&self) -> &B {
        &self.base
    }

    /// # Safety
    ///
    /// The reference ends before the next one begins, and before the base is called (H1).
    #[expect(clippy::mut_from_ref, reason = "the heap isn't `Sync`: by H1, it is the only one")]
    #[inline(always)]
    pub(crate) unsafe fn engine(&self) -> &mut Engine<P> {
        // SAFETY: the caller's promise.
        unsafe { &mut *self.engine.get() }
    }

    /// At least `size` bytes, aligned to a granule; null if there is no memory.
    ///
    /// ```text
    /// take ── quick.pop                                     a block of that length, just freed
    ///      └─ refill ── allocate_cell / allocate            from bins, or the top
    ///                └─ obtain ── base.allocate ── add_chunk
    /// ```
    #[inline(always)]
    pub(crate) fn take(&self, size: usize) -> *mut u8 {
        let is_cell = P::CELLS && size <= CELL;
        let len = if is_cell { 1 } else { Engine::<P>::len_for(size) };
        // SAFETY: H1: the reference ends here.
        match unsafe { self.engine() }.quick.pop(len) {
            Some(address) => with_exposed_provenance_mut(address),
            None => self.refill(size),
        }
    }

    #[inline(never)]
    fn refill(&self, size: usize) -> *mut u8 {
        let len = Engine::<P>::len_for(size);
        if len > Engine::<P>::MAX_LEN {
            return core::ptr::null_mut();
        }
        let is_cell = P::CELLS && size <= CELL;
        self.with_memory_for(len, |engine| {
            let cell = if is_cell { engine.allocate_cell() } else { None };
            cell.or_else(|| engine.allocate(len))
        })
    }

    /// At least `size` bytes aligned to `align`, which is more than a granule; null if there is no
    /// memory.
    #[inline(never)]
    pub(crate) fn take_aligned(&self, size: usize, align: usize) -> *mut u8 {
        let len = Engine::<P>::len_for(size);
        let whole = len.saturating_add(align / P::GRANULE).saturating_add(Engine::<P>::MIN_LEN);
        if whole > Engine::<P>::MAX_LEN {
            return core::ptr::null_mut();
        }
        self.with_memory_for(whole, |engine| {
            engine.settle();
            engine.allocate_aligned(len, align)
        })
    }

    /// Runs `attempt`; and again with what was kept back given up, and with memory of the base for
    /// `len` granules, until it succeeds.
    #[inline(always)]
    fn with_memory_for(
        &self,
        len: usize,
        attempt: impl Fn(&mut Engine<P>) -> Option<usize>,
    ) -> *mut u8 {
        // SAFETY: H1: the reference ends before the base is called.
        let engine = unsafe { self.engine() };
        if let Some(address) = attempt(engine) {
            return with_exposed_provenance_mut(address);
        }
        let spared = engine.drain_slabs().then(|| attempt(engine)).flatten();
        // SAFETY: H1: the reference ends here.
        let found =
            spared.or_else(|| self.obtain(len).then(|| attempt(unsafe { self.engine() }))?);
        found.map_or(core::ptr::null_mut(), with_exposed_provenance_mut)
    }

    /// Gets memory for a block of `len` granules from the base; whether it could.
    ///
    /// At least an eighth of what there is, so that regions stay few; just enough if the base
    /// hasn't that much.
    #[cold]
    #[inline(never)]
    pub(crate) fn obtain(&self, len: usize) -> bool {
        let needed = Table::<P>::chunk_bytes((len + 2 * Engine::<P>::MIN_LEN) * P::GRANULE);
        let Some(needed) = needed.and_then(|size| size.checked_next_multiple_of(CHUNK_STEP)) else {
            return false;
        };
        // SAFETY: H1: the reference ends here.
        let eighth = (unsafe { self.engine() }.span() / 8).next_multiple_of(CHUNK_STEP);
        (eighth > needed && self.obtain_bytes(eighth)) || self.obtain_bytes(needed)
    }

    fn obtain_bytes(&self, size: usize) -> bool {
        let Ok(layout) = Layout::from_size_align(size, CHUNK_ALIGN) else { return false };
        let Ok(chunk) = self.base.allocate(layout) else { return false };
        let start = chunk.cast::<u8>().as_ptr().expose_provenance();
        let added = Chunk { start, size: chunk.len(), owned: true };
        // SAFETY: the base gave the memory to the heap alone; H1: the reference ends here.
        let is_useful = unsafe { self.engine().add_chunk(added) };
        if !is_useful {
            // SAFETY: just allocated, and not used.
            unsafe { self.base.deallocate(chunk.cast(), layout) };
        }
        is_useful
    }

    /// Resizes a block where it lies, or down into the free block before it: its address, or 0.
    ///
    /// # Safety
    ///
    /// `address` is a live block's.
    pub(crate) unsafe fn resize_near(&self, address: usize, new: Layout) -> usize {
        let (size, len) = (new.size(), Engine::<P>::len_for(new.size()));
        if !address.is_multiple_of(new.align()) || len > Engine::<P>::MAX_LEN {
            return 0;
        }
        // SAFETY: the caller's promise; H1: the references end before the base is called.
        unsafe {
            let engine = self.engine();
            if engine.resize_in_place(address, size, len) {
                return address;
            }
            if len >= QUICK {
                engine.settle();
                if engine.resize_in_place(address, size, len) {
                    return address;
                }
            }
            let moved =
                if new.align() <= P::GRANULE { engine.resize_down(address, len) } else { None };
            moved.unwrap_or_else(|| self.resize_at_end(address, size, len))
        }
    }

    /// Resizes the last block of a region into new memory of the base, by just the difference; 0 if
    /// the base's memory isn't expected to continue the region.
    #[cold]
    unsafe fn resize_at_end(&self, address: usize, size: usize, len: usize) -> usize {
        // SAFETY: the caller's promise; H1: the references end before the base is called.
        unsafe {
            let engine = self.engine();
            let old = engine.usable(address) / P::GRANULE;
            if size <= CELL || old == 1 || !engine.has_joined || !engine.is_last(address) {
                return 0;
            }
            let is_done =
                self.obtain(len - old) && self.engine().resize_in_place(address, size, len);
            if is_done { address } else { 0 }
        }
    }

    /// Takes a block back.
    ///
    /// ```text
    /// give ── release_quick ── quick.push                  a short block: nothing else
    ///      └─ give_slowly ── settle, free                  coalesce, file
    ///                     └─ give_back                     empty regions, to the base
    /// ```
    ///
    /// # Safety
    ///
    /// `block` is live in this heap.
    #[inline(always)]
    pub(crate) unsafe fn give(&self, block: NonNull<u8>) {
        if cfg!(debug_assertions) {
            self.expect_live(block);
        }
        // SAFETY: the caller's promise; H1: the reference ends here.
        unsafe {
            if !self.engine().release_quick(block.addr().get()) {
                self.give_slowly(block);
            }
        }
    }

    #[inline(never)]
    unsafe fn give_slowly(&self, block: NonNull<u8>) {
        // SAFETY: the caller's promise; H1: the reference ends before the base is called.
        unsafe {
            let engine = self.engine();
            engine.release(block.addr().get());
            if engine.has_emptied {
                self.give_back(true);
            }
        }
    }

    /// Reports a block that isn't live, and ends the process.
    fn expect_live(&self, block: NonNull<u8>) {
        // SAFETY: H1: the reference ends here.
        if !unsafe { self.engine() }.looks_live(block.addr().get()) {
            diag::fatal(format_args!("{block:p} is freed or resized, but isn't a live block"));
        }
    }

    /// Gives empty regions back to the base, all or all but one; how many bytes.
    #[cold]
    #[inline(never)]
    pub(crate) fn give_back(&self, keep_one: bool) -> usize {
        let mut bytes = 0;
        // SAFETY: H1: the reference ends before the base is called.
        while let Some(table) = unsafe { self.engine() }.take_empty(keep_one) {
            bytes += self.give_back_chunks(table);
        }
        bytes
    }

    fn give_back_chunks(&self, table: Table<P>) -> usize {
        let mut bytes = 0;
        // The table itself lies in the last chunk: that one goes last.
        for index in 0..table.chunk_count() {
            let Chunk { start, size, owned } = table.chunk(index);
            bytes += size;
            let start = NonNull::new(with_exposed_provenance_mut::<u8>(start));
            let layout = Layout::from_size_align(size, CHUNK_ALIGN);
            if let (Some(start), Ok(layout), true) = (start, layout, owned) {
                // SAFETY: the base gave the chunk, and nothing of it is in use any more.
                unsafe { self.base.deallocate(start, layout) };
            }
        }
        bytes
    }

    /// Makes everything coalesce that can, and gives all empty regions back to the base: how many
    /// bytes.
    pub(crate) fn trim_all(&self) -> usize {
        // SAFETY: H1: the reference ends here.
        let engine = unsafe { self.engine() };
        engine.settle();
        engine.drain_slabs();
        self.give_back(false)
    }

    /// The heap's figures, by a walk over all blocks.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        // SAFETY: H1: the reference ends here; counting doesn't use the heap.
        unsafe { self.engine() }.walk(|extent| snapshot.count(extent));
        snapshot
    }

    /// Shows every stretch of the heap's memory: its map.
    ///
    /// The regions come in no order, the extents of a region by address. By exclusive reference, so
    /// that the visitor can't use the heap meanwhile.
    pub fn walk(&mut self, visit: impl FnMut(Extent)) {
        self.engine.get_mut().walk(visit);
    }

    /// Holds the tags, the free blocks and their lists against each other: every block lies in its
    /// region and none overlaps, all free neighbours are coalesced, no free block was written to,
    /// every one is in a list.
    ///
    /// A write behind a block's end can't reach the tags, and shows here if it hit free memory.
    ///
    /// # Errors
    ///
    /// The first [`Corruption`] found.
    pub fn check(&self) -> Result<(), Corruption> {
        // SAFETY: H1: the reference ends here.
        unsafe { self.engine() }.check()
    }

    /// Whether `address` is the start of a live block: certain, by a walk in linear time.
    pub fn is_live(&self, address: NonNull<u8>) -> bool {
        // SAFETY: H1: the reference ends here.
        unsafe { self.engine() }.is_live(address.addr().get())
    }
}

impl<B: Allocator, P: Policy> Drop for Heap<B, P> {
    /// Gives everything back that came from the base, live blocks or not.
    fn drop(&mut self) {
        let mut table = self.engine.get_mut().tables;
        while !table.is_none() {
            let next = table.next();
            self.give_back_chunks(table);
            table = next;
        }
    }
}

impl<B: Allocator + fmt::Debug, P: Policy> fmt::Debug for Heap<B, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snapshot = self.snapshot();
        f.debug_struct("Heap")
            .field("base", &self.base)
            .field("snapshot", &snapshot)
            .finish_non_exhaustive()
    }
}
