//! The names that the seeds give to the heap's calls.

use core::{
    alloc::Layout,
    ptr::{self, NonNull},
};

use stratalloc_core::Allocator;

use crate::{engine::Engine, heap::Heap, policy::Policy};

/// Seed 001: a kernel's memory allocator (S1).
impl<B: Allocator, P: Policy> Heap<B, P> {
    /// At least `n` contiguous bytes, aligned to a granule; null if there is no memory, or `n` is 0.
    ///
    /// ```
    /// use stratalloc_heap::Heap;
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
    #[inline]
    pub fn mem_alloc(&self, n: usize) -> *mut u8 {
        if n == 0 { ptr::null_mut() } else { self.take(n) }
    }

    /// Takes a block back; nothing if it is null.
    ///
    /// # Safety
    ///
    /// `block` is null or live in this heap.
    #[inline]
    pub unsafe fn mem_free(&self, block: *mut u8) {
        if let Some(block) = NonNull::new(block) {
            // SAFETY: the caller's promise.
            unsafe { self.give(block) }
        }
    }

    /// Makes a block at least `n` bytes long, where it lies if that can be, and keeps its content
    /// up to the shorter length. As [`mem_alloc`](Self::mem_alloc) if the block is null.
    ///
    /// Null if there is no memory or `n` is 0: the block is then as it was, and still live.
    ///
    /// # Safety
    ///
    /// `block` is null or live in this heap; if the result isn't null, the old address is dead.
    #[inline]
    pub unsafe fn mem_realloc(&self, block: *mut u8, n: usize) -> *mut u8 {
        let Some(block) = NonNull::new(block) else { return self.mem_alloc(n) };
        if n == 0 {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise; a block's usable bytes are its content.
        unsafe { self.resize_unsized(block, n) }
    }

    /// # Safety
    ///
    /// `block` is live in this heap.
    unsafe fn resize_unsized(&self, block: NonNull<u8>, n: usize) -> *mut u8 {
        let Ok(new) = Layout::from_size_align(n, 1) else { return ptr::null_mut() };
        // SAFETY: the caller's promise; H1: the references end here.
        unsafe {
            let old = self.engine().usable(block.addr().get());
            self.resize(block, new, old.min(n)).map_or(ptr::null_mut(), |it| it.as_ptr().cast())
        }
    }
}

/// Seed 003: the course's allocator (S3.6).
impl<B: Allocator, P: Policy> Heap<B, P> {
    /// Takes a slab from the base, with room for a block of `size` bytes besides all that is live;
    /// whether the base had it. [`my_alloc`](Self::my_alloc) does so by itself.
    pub fn allocate_slab(&self, size: usize) -> bool {
        size <= Engine::<P>::MAX && self.obtain(Engine::<P>::block_size(size))
    }

    /// The course's name for [`mem_alloc`](Self::mem_alloc).
    #[inline]
    pub fn my_alloc(&self, size: usize) -> *mut u8 {
        self.mem_alloc(size)
    }

    /// The course's name for [`mem_free`](Self::mem_free).
    ///
    /// # Safety
    ///
    /// `block` is null or live in this heap.
    #[inline]
    pub unsafe fn my_free(&self, block: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { self.mem_free(block) }
    }
}
