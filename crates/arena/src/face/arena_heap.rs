//! Heaps as values: arenas of one's own, thrown away in one step.

mod extensions;
mod resizing;

use core::{
    alloc::Layout,
    ptr::{NonNull, null_mut},
};

use stratalloc_core::{AllocError, Allocator, Owns};

use crate::{
    cache::{Cache, slot},
    heap::{
        Heap,
        large::{Fresh, Outlook, Request},
        pools::Pools,
    },
    plan::{
        bins::{Bin, bin_for},
        geometry::Partition,
    },
    process::{arena_heaps, home::Home, relief::with_relief, thread},
    sys::{self},
};

/// The largest block in bytes: a partition's worth.
const MAX_SIZE: usize = Partition::SPECIAL.offset();
/// The largest alignment in bytes.
const MAX_ALIGN: usize = Partition::SPECIAL.arena_size();

/// A heap of one's own, beside the process's: 64 GiB of address space with the arenas of a thread's area,
/// for whoever holds the value.
///
/// Made for work that builds much and throws it all away: [`reset`](Self::reset) and dropping free every
/// block at once, at a cost of the segments in use rather than of the blocks, and nothing has to be freed
/// before. A heap that grows beyond its area takes another one.
///
/// It can be sent to another thread, and is used by one at a time; for several at once put it behind a
/// lock (`stratalloc_core::Locked`). Allocating and freeing take neither a lock nor an atomic
/// operation, but once in many blocks. A block may also be given to [`global::deallocate`], and C's
/// `free`, by any thread: that frees it under the heap's lock.
///
/// A block has up to 32 GiB, at an alignment of up to 512 MiB. An empty layout has no block. There are
/// at most 768 arena heaps at a time. The memory that a dropped one had is kept for the next to come
/// as far as the process keeps memory; [`global::trim`] gives it back.
///
/// [`global::deallocate`]: crate::face::global::deallocate
/// [`global::trim`]: crate::face::global::trim
///
/// # Errors
///
/// [`AllocError`], when the system has no more memory, or what is asked for is beyond these limits; all
/// blocks stay as they were.
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
/// - [ARENA_HEAP-1: home] `home` is an area from `values::create`, this value's until it is dropped; its cache is open,
///   and only this value touches it but for `bins`.
pub struct ArenaHeap {
    home: NonNull<Home>,
}

// SAFETY: neither the area nor its cache belongs to a thread [ARENA_HEAP-1]; what other threads may touch meanwhile
// is behind the heap's lock.
unsafe impl Send for ArenaHeap {}

impl ArenaHeap {
    /// An empty heap. O(1): some 64 KiB of address space are looked at, and a few pages touched.
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
    /// What is still in use of it borrows the heap, or is a pointer that must not be followed any more.
    pub fn reset(&mut self) {
        let visit = self.heap().drain(slot::mark(), Pools::reset);
        self.open();
        thread::see_to(visit);
    }

    /// Makes the cache's stacks empty.
    fn open(&mut self) {
        // SAFETY: [ARENA_HEAP-1]; the cache and the heap are at home in the same area, and end together.
        unsafe {
            (*self.home.as_ptr()).open();
        }
    }

    #[inline(always)]
    fn cache(&self) -> &Cache {
        // SAFETY: [ARENA_HEAP-1].
        unsafe { &(*self.home.as_ptr()).cache }
    }

    #[inline(always)]
    fn heap(&self) -> &Heap {
        // SAFETY: [ARENA_HEAP-1].
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
        self.flush();
        let block = with_relief(layout.size(), || NonNull::new(self.refill(bin)));
        block.map_or(null_mut(), NonNull::as_ptr)
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
        with_relief(size, || self.heap().allocate_large(slot::mark(), request))
    }

    #[cold]
    #[inline(never)]
    fn deallocate_slow(&self, block: NonNull<u8>, layout: Layout) {
        match bin_for(layout.size(), layout.align()) {
            Some(bin) => thread::see_to(self.cache().drain(slot::mark(), bin, block.as_ptr())),
            None if layout.size() == 0 => {}
            // SAFETY: the caller's block is this heap's.
            None => thread::see_to(unsafe { self.heap().free_large(slot::mark(), block.as_ptr()) }),
        }
    }
}

/// What was allocated for a layout, as a slice of exactly its size.
#[inline(always)]
fn slice(start: *mut u8, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    let start = NonNull::new(start).ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(start, layout.size()))
}

// SAFETY: blocks are of slabs, or of segments of their own, that the heap's pools hand out once; the area
// that they lie in is this value's until it is dropped, and doesn't move with it.
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
            Some(bin) if self.cache().push(bin, block.as_ptr()) => {}
            _ => self.deallocate_slow(block, layout),
        }
    }

    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise, passed on.
        unsafe { self.resize(block, old, new) }
    }

    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise, passed on; the bytes past the old size lie in the block.
        unsafe {
            let grown = self.resize(block, old, new)?;
            grown.cast::<u8>().add(old.size()).write_bytes(0, new.size() - old.size());
            Ok(grown)
        }
    }

    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise, passed on.
        unsafe { self.resize(block, old, new) }
    }
}

stratalloc_core::ecosystem!(impl[] for ArenaHeap);

impl Drop for ArenaHeap {
    /// O(segments in use).
    fn drop(&mut self) {
        // SAFETY: [ARENA_HEAP-1], and this was the last use.
        unsafe { arena_heaps::end(self.home) };
    }
}
