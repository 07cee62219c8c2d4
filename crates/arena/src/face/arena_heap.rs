//! Heaps as values: arenas of their own, freed in one step.

mod extensions;
mod limit;
mod resizing;
pub(in crate::face) mod scoped;

use core::{
    alloc::Layout,
    ptr::{NonNull, null_mut},
};

use stratalloc_core::{AllocError, Allocator, Owns, zero_rest};

use crate::{
    cache::{Cache, slot},
    heap::{
        Heap,
        large::{Fresh, Outlook, PAGE, Request},
        pools::{Admission, Pools},
    },
    plan::{
        bins::{Bin, bin_for},
        geometry::Partition,
    },
    process::{arena_heaps, home::Home, relief::with_relief, thread},
    sys::{self},
};

/// The largest block in bytes: a partition's worth.
pub(in crate::face) const MAX_SIZE: usize = Partition::SPECIAL.offset();
/// The largest alignment in bytes.
pub(in crate::face) const MAX_ALIGN: usize = Partition::SPECIAL.arena_size();

/// A heap of its own, beside the process's: 64 GiB of address space with the arenas of a thread's area.
///
/// It is made for work that builds much and throws it all away: [`reset`](Self::reset) and dropping free every block at
/// once, in time proportional to the segments in use rather than to the blocks, and no block has to be freed before. A
/// heap that grows beyond its area takes another one.
///
/// It can be sent to another thread, and is used by one at a time; for several at once put it behind a lock
/// (`stratalloc_core::Locked`). Allocating and freeing take neither a lock nor an atomic operation, except once in many
/// blocks. Any thread may also pass a block to [`global::deallocate`], or C's `free`: that frees it under the heap's
/// lock.
///
/// A block has up to 32 GiB, at an alignment of up to 512 MiB. An empty layout has no block. There are at most 768 arena
/// heaps at a time. The memory of a dropped one is kept for the next, as far as the process keeps memory;
/// [`global::trim`] gives it back.
///
/// [`global::deallocate`]: crate::face::global::deallocate
/// [`global::trim`]: crate::face::global::trim
///
/// # Errors
///
/// [`AllocError`], if the system has no more memory, the heap's own [limit](Self::with_limit) or the
/// [process's](crate::limit) stands against the request, or the layout is beyond these sizes; all blocks stay as they
/// were. [`try_allocate`](Self::try_allocate) returns the reason.
///
/// # Example
///
/// ```
/// use core::alloc::Layout;
/// use stratalloc_arena::ArenaHeap;
/// use stratalloc_core::{Allocator, Stats};
///
/// let mut heap = ArenaHeap::new()?;
/// for _tile in 0..3 {
///     for size in 1..1000 {
///         heap.allocate(Layout::array::<u8>(size).unwrap())?;
///     }
///     heap.reset();
/// }
/// assert_eq!(heap.stats().in_use, 0);
/// # Ok::<(), stratalloc_core::AllocError>(())
/// ```
///
/// # Invariants
///
/// - [ARENA_HEAP-1: home] `home` is from `arena_heaps::create`, and this value's until it is dropped; its cache is open,
///   and only this value touches the cache.
pub struct ArenaHeap {
    home: NonNull<Home>,
}

// SAFETY: [ARENA_HEAP-1: home] neither the area nor its cache belongs to a thread. Other threads touch the heap under its
// lock alone.
unsafe impl Send for ArenaHeap {}

impl ArenaHeap {
    /// Creates an empty heap. O(1): it maps the books, and touches a few pages.
    pub fn new() -> Result<Self, AllocError> {
        let mut heap = Self {
            home: {
                thread::watch_forks();
                arena_heaps::create().ok_or(AllocError)?
            },
        };
        heap.open();
        Ok(heap)
    }

    /// Frees every block, and keeps the memory for the next ones. O(segments in use).
    ///
    /// References to its blocks borrow the heap, so that none is left; pointers to them must not be followed any more.
    pub fn reset(&mut self) {
        let visit = self.heap().drain(slot::mark(), Pools::reset);
        self.open();
        thread::see_to(visit);
    }

    /// Makes the cache's stacks empty.
    fn open(&mut self) {
        // SAFETY: [ARENA_HEAP-1: home] the home is this value's; its cache and heap end together.
        unsafe {
            (*self.home.as_ptr()).open();
        }
    }

    #[inline(always)]
    fn cache(&self) -> &Cache {
        // SAFETY: [ARENA_HEAP-1: home] the home stays while this value is borrowed.
        unsafe { &(*self.home.as_ptr()).cache }
    }

    #[inline(always)]
    fn heap(&self) -> &Heap {
        // SAFETY: [ARENA_HEAP-1: home] the home stays while this value is borrowed.
        unsafe { &(*self.home.as_ptr()).heap }
    }

    #[cold]
    #[inline(never)]
    fn allocate_slow(&self, layout: Layout) -> *mut u8 {
        if layout.size() == 0 {
            return core::ptr::without_provenance_mut(layout.align());
        }
        let Some(bin) = bin_for(layout.size(), layout.align()) else {
            return self
                .allocate_large(layout, Outlook::Plain)
                .map_or(null_mut(), |fresh| fresh.start);
        };
        let block = self.refill(bin);
        if !block.is_null() {
            return block;
        }
        let size = bin.shape().block_size as usize;
        let block = self.after_relief(size, || NonNull::new(self.refill(bin)));
        block.map_or(null_mut(), NonNull::as_ptr)
    }

    /// Attempts an allocation of so many bytes again, after making room: in this heap where its own limit stands in the
    /// way, else in the process.
    fn after_relief<T>(&self, size: usize, attempt: impl Fn() -> Option<T>) -> Option<T> {
        match self.admit(size) {
            Admission::Refused => None,
            Admission::AsItIs | Admission::AfterPurge => with_relief(size, attempt),
        }
    }

    /// Makes room for so many bytes below this heap's own limit. The blocks in its stacks go back before.
    fn admit(&self, size: usize) -> Admission {
        self.flush();
        self.heap().admit(slot::mark(), size)
    }

    fn refill(&self, bin: Bin) -> *mut u8 {
        let (block, visit) = self.cache().refill(slot::mark(), bin);
        thread::see_to(visit);
        block
    }

    /// Gives the heap's pools what the stacks hold.
    fn flush(&self) {
        thread::see_to(self.cache().flush(slot::mark()));
    }

    fn allocate_large(&self, layout: Layout, outlook: Outlook) -> Option<Fresh> {
        let (size, align) = (layout.size(), layout.align());
        if size > MAX_SIZE || align > MAX_ALIGN {
            return None;
        }
        let request = Request { size, align, outlook };
        let attempt = || self.heap().allocate_large(slot::mark(), request);
        attempt().or_else(|| self.after_relief(size.next_multiple_of(PAGE), attempt))
    }

    /// Frees a block by its layout.
    ///
    /// # Safety
    ///
    /// As for [`Allocator::deallocate`].
    #[cold]
    #[inline(never)]
    unsafe fn deallocate_slow(&self, block: NonNull<u8>, layout: Layout) {
        let mark = slot::mark();
        let visit = match bin_for(layout.size(), layout.align()) {
            // SAFETY: by its layout the block lies in a slab of this bin of this heap; it is given up, by this function's
            // contract.
            Some(bin) => unsafe { self.cache().drain(mark, bin, block.as_ptr()) },
            None if layout.size() == 0 => return,
            // SAFETY: the block is one of this heap, by this function's contract.
            None => unsafe { self.heap().free_large(mark, block.as_ptr()) },
        };
        thread::see_to(visit);
    }
}

/// A block for a layout, as a slice of exactly its size.
#[inline(always)]
pub(super) fn slice(start: *mut u8, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    let start = NonNull::new(start).ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(start, layout.size()))
}

// SAFETY: the heap's pools hand blocks out once, of slabs or of segments of their own; [ARENA_HEAP-1: home] the area in
// which they lie is this value's until it is dropped, and doesn't move with it.
unsafe impl Allocator for ArenaHeap {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let cached = bin_for(layout.size(), layout.align()).map(|bin| self.cache().pop(bin));
        match cached {
            Some(block) if !block.is_null() => slice(block, layout),
            _ => slice(self.allocate_slow(layout), layout),
        }
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let (start, stale) =
            if layout.size() == 0 || bin_for(layout.size(), layout.align()).is_some() {
                (self.allocate(layout)?.cast::<u8>().as_ptr(), layout.size())
            } else {
                let fresh = self.allocate_large(layout, Outlook::Sparse).ok_or(AllocError)?;
                (fresh.start, fresh.stale.min(layout.size()))
            };
        // SAFETY: the block holds `layout.size()` bytes, just allocated; a large one has its pages for itself.
        unsafe { sys::zero(start, stale) };
        slice(start, layout)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        debug_assert!(layout.size() == 0 || self.owns(block));
        // Whichever area of the heap it lies in, its layout alone names its stack.
        match bin_for(layout.size(), layout.align()) {
            // SAFETY: by its layout the block lies in a slab of this bin of this heap; it is given up, by the contract of
            // [`Allocator`].
            Some(bin) if unsafe { self.cache().push(bin, block.as_ptr()) } => {}
            // SAFETY: this function's contract is the same.
            _ => unsafe { self.deallocate_slow(block, layout) },
        }
    }

    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, of this heap and of the layout `old`, by the contract of [`Allocator`].
        unsafe { self.resize(block, old, new) }
    }

    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, of this heap and of the layout `old`, by the contract of [`Allocator`]; the bytes past
        // the old size lie in the new block.
        unsafe { Ok(zero_rest(self.resize(block, old, new)?, old.size())) }
    }

    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, of this heap and of the layout `old`, by the contract of [`Allocator`].
        unsafe { self.resize(block, old, new) }
    }
}

stratalloc_core::ecosystem!(impl[] for ArenaHeap);

impl Drop for ArenaHeap {
    /// O(segments in use).
    fn drop(&mut self) {
        // SAFETY: [ARENA_HEAP-1: home] the home is from `create`, and this was its last use.
        unsafe { arena_heaps::end(self.home) };
    }
}
