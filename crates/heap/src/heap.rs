//! The heap as its users see it.

mod base;
mod contracts;
mod requests;
#[cfg(feature = "lock_api")]
mod static_heap;
mod unsized_calls;

#[cfg(feature = "lock_api")]
pub use static_heap::StaticHeap;

use core::{alloc::Layout, cell::UnsafeCell, fmt, ptr::NonNull};

use stratalloc_core::{AllocError, Allocator};

use crate::{
    corruption::Corruption,
    engine::Engine,
    extent::Extent,
    policy::{Compact, Policy},
    snapshot::Snapshot,
    table::Chunk,
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
/// - [HEAP-1: short] No reference to the engine outlives the call that made it, and no call of the base is
///   made while there is one: a base may call the heap that stands on it.
///
/// # Example
///
/// ```
/// use core::alloc::Layout;
/// use stratalloc_heap::{Allocator, Heap};
///
/// let heap: Heap = Heap::from_slice(vec![0; 65_536].leak());
/// let layout = Layout::new::<[u32; 100]>();
/// let block = heap.allocate(layout)?.cast();
/// // SAFETY: allocated just so.
/// unsafe { heap.deallocate(block, layout) };
/// # Ok::<(), stratalloc_heap::AllocError>(())
/// ```
pub struct Heap<B: Allocator = NoBase, P: Policy = Compact> {
    engine: UnsafeCell<Engine<P>>,
    base: B,
}

// SAFETY: the memory is the heap's alone; nothing in it belongs to a thread.
unsafe impl<B: Allocator + Send, P: Policy> Send for Heap<B, P> {}

impl<B: Allocator, P: Policy> Heap<B, P> {
    /// Returns a heap without memory yet; it takes from `base` what it needs, when it needs it.
    pub const fn new(base: B) -> Self {
        Self { engine: UnsafeCell::new(Engine::new()), base }
    }

    /// Gives the heap memory to cut blocks from, for ever; whether it was enough to be of use.
    ///
    /// As [`add_region`](Self::add_region), and safe: nobody else has the memory.
    pub fn add_slice(&self, memory: &'static mut [u8]) -> bool {
        let size = memory.len();
        // SAFETY: the reference is the only one, and for ever.
        unsafe { self.add_region(NonNull::from(memory).cast(), size) }
    }

    /// Gives the heap `size` bytes to cut blocks from; whether they were enough to be of use.
    ///
    /// What continues memory given before is one with it, upwards or downwards; else it is a region of
    /// its own. Regions needn't be aligned. About 1/113 of each is for its tags, which are written as
    /// they are needed. Joining takes time linear in what was in use of the region.
    ///
    /// # Safety
    ///
    /// The memory is the heap's alone, to read and write, until the heap is dropped and no block of
    /// it is used any more.
    ///
    /// # Example
    ///
    /// A buffer that the heap borrows for a while:
    ///
    /// ```
    /// use core::{mem::MaybeUninit, ptr::NonNull};
    /// use stratalloc_heap::{Heap, NoBase};
    ///
    /// let mut buffer = [MaybeUninit::<u8>::uninit(); 16_384];
    /// let heap: Heap = Heap::new(NoBase);
    /// // SAFETY: the buffer outlives the heap and its blocks, and nothing else uses it until then.
    /// assert!(unsafe { heap.add_region(NonNull::from(&mut buffer).cast(), 16_384) });
    /// assert!(!heap.malloc(15_000).is_null());
    /// ```
    pub unsafe fn add_region(&self, start: NonNull<u8>, size: usize) -> bool {
        let start = start.as_ptr().expose_provenance();
        // SAFETY: the memory is the heap's alone.
        unsafe { self.engine().add_chunk(Chunk { start, size, owned: false }) }
    }

    /// Returns the base.
    pub const fn base(&self) -> &B {
        &self.base
    }

    /// Returns whether any memory was of use.
    #[cfg(feature = "lock_api")]
    #[inline]
    fn has_memory(&self) -> bool {
        // SAFETY: the reference ends here [HEAP-1].
        !unsafe { self.engine() }.tables.is_none()
    }

    /// # Safety
    ///
    /// The reference ends before the next one begins, and before the base is called [HEAP-1].
    #[expect(clippy::mut_from_ref, reason = "the heap isn't `Sync`: by H1, it is the only one")]
    #[inline(always)]
    pub(crate) unsafe fn engine(&self) -> &mut Engine<P> {
        // SAFETY: the last reference has ended [HEAP-1].
        unsafe { &mut *self.engine.get() }
    }

    /// Returns the heap's figures, by a walk over all blocks: linear in their number.
    pub fn snapshot(&self) -> Snapshot {
        // SAFETY: the reference ends here [HEAP-1].
        unsafe { self.engine() }.snapshot()
    }

    /// Shows every stretch of the heap's memory: its map.
    ///
    /// The extents come in the order of addresses. By exclusive reference, so that the visitor can't
    /// use the heap meanwhile. Linear in the number of blocks, but for sorting those that wait in
    /// quick lists.
    pub fn walk(&mut self, visit: impl FnMut(Extent)) {
        self.engine.get_mut().walk(visit);
    }

    /// Holds the tags, the free blocks and their lists against each other: every block lies in its
    /// region and none overlaps, all free neighbours are coalesced, no free block was written to,
    /// every one is in a list, and the quick lists lead to freed blocks of their length, as many as
    /// were freed. Linear in the number of blocks.
    ///
    /// A write behind a block's end can't reach the tags, and shows here if it hit free memory.
    ///
    /// # Errors
    ///
    /// The first [`Corruption`] found.
    pub fn check(&self) -> Result<(), Corruption> {
        // SAFETY: the reference ends here [HEAP-1].
        unsafe { self.engine() }.check()
    }

    /// Returns whether `address` is the start of a live block: certain, by a walk in linear time.
    pub fn is_live(&self, address: NonNull<u8>) -> bool {
        // SAFETY: the reference ends here [HEAP-1].
        unsafe { self.engine() }.is_live(address.addr().get())
    }
}

impl<P: Policy> Heap<NoBase, P> {
    /// Returns a heap in memory that is its own for ever, and in no other. If it is too short to be of use,
    /// the heap has nothing to give.
    ///
    /// ```
    /// use stratalloc_heap::Heap;
    ///
    /// let heap: Heap = Heap::from_slice(vec![0; 65_536].leak());
    /// assert!(!heap.malloc(60_000).is_null());
    /// ```
    pub fn from_slice(memory: &'static mut [u8]) -> Self {
        let heap = Self::new(NoBase);
        heap.add_slice(memory);
        heap
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
