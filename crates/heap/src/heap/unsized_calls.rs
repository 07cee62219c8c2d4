//! The heap by C's calls, which name a block by its address alone.

use core::{
    alloc::Layout,
    ptr::{self, NonNull},
};

use stratalloc_core::Allocator;

use crate::{engine::Engine, heap::Heap, policy::Policy};

impl<B: Allocator, P: Policy> Heap<B, P> {
    /// At least `size` contiguous bytes, aligned to a granule; null if there is no memory, or `size`
    /// is 0.
    ///
    /// ```
    /// use stratalloc_heap::Heap;
    ///
    /// let heap: Heap = Heap::from_slice(vec![0; 65_536].leak());
    /// let text = heap.malloc(10);
    /// assert!(!text.is_null() && heap.malloc(0).is_null());
    /// // SAFETY: the block is live until it is freed.
    /// unsafe {
    ///     text.write_bytes(b'x', 10);
    ///     let text = heap.realloc(text, 10_000);
    ///     assert_eq!(text.add(9).read(), b'x');
    ///     heap.free(text);
    /// }
    /// ```
    #[inline]
    pub fn malloc(&self, size: usize) -> *mut u8 {
        if size == 0 { ptr::null_mut() } else { self.take(size) }
    }

    /// Takes a block back; nothing if it is null.
    ///
    /// # Safety
    ///
    /// `block` is null or live in this heap.
    #[inline]
    pub unsafe fn free(&self, block: *mut u8) {
        if let Some(block) = NonNull::new(block) {
            // SAFETY: the block is live, since it isn't null.
            unsafe { self.give(block) }
        }
    }

    /// Makes a block at least `size` bytes long, where it lies if that can be, and keeps its content
    /// up to the shorter length. As [`malloc`](Self::malloc) if the block is null.
    ///
    /// Null if there is no memory or `size` is 0: the block is then as it was, and still live.
    ///
    /// # Safety
    ///
    /// `block` is null or live in this heap; if the result isn't null, the old address is dead.
    #[inline]
    pub unsafe fn realloc(&self, block: *mut u8, size: usize) -> *mut u8 {
        let Some(block) = NonNull::new(block) else { return self.malloc(size) };
        if size == 0 {
            return ptr::null_mut();
        }
        // SAFETY: the block is live, since it isn't null; a block's usable bytes are its content.
        unsafe { self.resize_unsized(block, size) }
    }

    /// # Safety
    ///
    /// `block` is live in this heap.
    unsafe fn resize_unsized(&self, block: NonNull<u8>, size: usize) -> *mut u8 {
        let Ok(new) = Layout::from_size_align(size, 1) else { return ptr::null_mut() };
        // SAFETY: the block is live; the references end here [HEAP-1].
        unsafe {
            let old = self.engine().usable(block.addr().get());
            self.resize(block, new, old.min(size)).map_or(ptr::null_mut(), |it| it.as_ptr().cast())
        }
    }

    /// Takes memory from the base with room for a block of `size` bytes besides all that is live;
    /// whether the base had it. Requests do so by themselves when they must.
    pub fn reserve(&self, size: usize) -> bool {
        size <= Engine::<P>::MAX && self.obtain(Engine::<P>::block_size(size))
    }
}
