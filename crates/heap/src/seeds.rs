//! The names that a kernel's and a course's exercises give to the heap's calls.
//!
//! Import a trait to call a [`Heap`] by its names; each does what the method in front of it says.

use stratalloc_core::Allocator;

use crate::{Heap, Policy};

/// The calls of a kernel's memory allocator: `mem_alloc`, `mem_free`, `mem_realloc`.
///
/// ```
/// use stratalloc_heap::{Heap, seeds::MemAlloc};
/// use stratalloc_pages::{MemBlocks, Mmap};
///
/// let heap: Heap<MemBlocks<Mmap>> = Heap::new(MemBlocks::new(Mmap));
/// let text = heap.mem_alloc(10);
/// assert!(!text.is_null() && heap.mem_alloc(0).is_null());
/// // SAFETY: the block is live until it is freed.
/// unsafe {
///     text.write_bytes(b'x', 10);
///     let text = heap.mem_realloc(text, 10_000);
///     assert_eq!(text.add(9).read(), b'x');
///     heap.mem_free(text);
/// }
/// ```
pub trait MemAlloc {
    /// [`Heap::malloc`].
    fn mem_alloc(&self, n: usize) -> *mut u8;

    /// [`Heap::free`].
    ///
    /// # Safety
    ///
    /// As for [`Heap::free`].
    unsafe fn mem_free(&self, block: *mut u8);

    /// [`Heap::realloc`].
    ///
    /// # Safety
    ///
    /// As for [`Heap::realloc`].
    unsafe fn mem_realloc(&self, block: *mut u8, n: usize) -> *mut u8;
}

impl<B: Allocator, P: Policy> MemAlloc for Heap<B, P> {
    #[inline]
    fn mem_alloc(&self, n: usize) -> *mut u8 {
        self.malloc(n)
    }

    #[inline]
    unsafe fn mem_free(&self, block: *mut u8) {
        // SAFETY: the block is null or live.
        unsafe { self.free(block) }
    }

    #[inline]
    unsafe fn mem_realloc(&self, block: *mut u8, n: usize) -> *mut u8 {
        // SAFETY: the block is null or live.
        unsafe { self.realloc(block, n) }
    }
}

/// The calls of a course's allocator on slabs: `my_alloc`, `my_free`, `allocate_slab`.
///
/// ```
/// use stratalloc_heap::{Heap, seeds::MyAlloc};
/// use stratalloc_pages::{MemBlocks, Mmap};
///
/// let heap: Heap<MemBlocks<Mmap>> = Heap::new(MemBlocks::new(Mmap));
/// assert!(heap.allocate_slab(50_000));
/// let block = heap.my_alloc(50_000);
/// // SAFETY: it is live.
/// unsafe { heap.my_free(block) };
/// ```
pub trait MyAlloc {
    /// [`Heap::reserve`]; [`my_alloc`](Self::my_alloc) does so by itself.
    fn allocate_slab(&self, size: usize) -> bool;

    /// [`Heap::malloc`].
    fn my_alloc(&self, size: usize) -> *mut u8;

    /// [`Heap::free`].
    ///
    /// # Safety
    ///
    /// As for [`Heap::free`].
    unsafe fn my_free(&self, block: *mut u8);
}

impl<B: Allocator, P: Policy> MyAlloc for Heap<B, P> {
    fn allocate_slab(&self, size: usize) -> bool {
        self.reserve(size)
    }

    #[inline]
    fn my_alloc(&self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    #[inline]
    unsafe fn my_free(&self, block: *mut u8) {
        // SAFETY: the block is null or live.
        unsafe { self.free(block) }
    }
}
