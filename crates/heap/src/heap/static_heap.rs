//! A heap and its memory as one `static`, behind a lock: a program's global allocator.

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::UnsafeCell,
    fmt,
    mem::MaybeUninit,
    ptr::{self, NonNull},
};

use lock_api::RawMutex;
use stratalloc_core::{AllocError, Allocator, Locked, LockedGuard};

use crate::{
    heap::{Heap, NoBase},
    policy::{Compact, Policy},
};

#[repr(C, align(16))]
struct Memory<const BYTES: usize>(UnsafeCell<[MaybeUninit<u8>; BYTES]>);

/// A [`Heap`] with its memory of `BYTES` bytes, for a `static`; the lock `R` is the user's choice.
///
/// The memory isn't part of the program's image (it lies in `.bss`), and none of it is touched
/// before the first request. A request that can't be served is answered by null.
///
/// The lock must not allocate: a spin lock doesn't, nor does one over the system's futex or a
/// critical section; `parking_lot`'s does when it has to wait.
///
/// ```
/// use stratalloc_heap::StaticHeap;
/// # use core::sync::atomic::{AtomicBool, Ordering};
/// # pub struct Spin(AtomicBool);
/// # unsafe impl lock_api::RawMutex for Spin {
/// #     const INIT: Self = Self(AtomicBool::new(false));
/// #     type GuardMarker = lock_api::GuardNoSend;
/// #     fn lock(&self) { while !self.try_lock() { std::thread::yield_now() } }
/// #     fn try_lock(&self) -> bool { !self.0.swap(true, Ordering::Acquire) }
/// #     unsafe fn unlock(&self) { self.0.store(false, Ordering::Release) }
/// # }
///
/// #[global_allocator]
/// static HEAP: StaticHeap<Spin, { 1 << 20 }> = StaticHeap::new();
///
/// let text = String::from("in the heap");
/// assert!(HEAP.lock().snapshot().live_blocks > 0);
/// # drop(text);
/// ```
///
/// Its blocks live where it does, so only one that stays where it is for ever is an [`Allocator`]:
///
/// ```compile_fail,E0277
/// # fn is_allocator<A: stratalloc_heap::Allocator>(_: A) {}
/// # fn moved<R: lock_api::RawMutex + Sync>(heap: stratalloc_heap::StaticHeap<R, 4096>) {
/// is_allocator(heap);
/// # }
/// ```
pub struct StaticHeap<R: RawMutex, const BYTES: usize, P: Policy = Compact> {
    heap: Locked<R, Heap<NoBase, P>>,
    memory: Memory<BYTES>,
}

// SAFETY: the memory is the heap's alone, which only the thread that holds the lock touches; nothing in
// either belongs to a thread.
unsafe impl<R: RawMutex + Sync, const BYTES: usize, P: Policy> Sync for StaticHeap<R, BYTES, P> {}

impl<R: RawMutex, const BYTES: usize, P: Policy> StaticHeap<R, BYTES, P> {
    /// Returns a heap whose memory is untouched.
    pub const fn new() -> Self {
        Self {
            heap: Locked::new(Heap::new(NoBase)),
            memory: Memory(UnsafeCell::new([MaybeUninit::uninit(); BYTES])),
        }
    }

    /// The heap, for as long as the guard lives: for figures, the check, and calls in a row.
    ///
    /// The holder of the guard must not allocate from the same heap in another way; a lock that isn't
    /// re-entrant waits for ever.
    #[inline]
    pub fn lock(&'static self) -> LockedGuard<'static, R, Heap<NoBase, P>> {
        // SAFETY: it stays where it is for ever.
        unsafe { self.claimed() }
    }

    /// Returns the heap with its memory.
    ///
    /// # Safety
    ///
    /// The value stays where it is for as long as the heap is used.
    #[inline]
    unsafe fn claimed(&self) -> LockedGuard<'_, R, Heap<NoBase, P>> {
        let heap = self.heap.lock();
        if !heap.has_memory() {
            // SAFETY: the value stays where it is.
            unsafe { self.claim(&heap) }
        }
        heap
    }

    /// Gives the heap its memory.
    #[cold]
    unsafe fn claim(&self, heap: &Heap<NoBase, P>) {
        let memory = NonNull::from(&self.memory.0).cast();
        // SAFETY: the memory is this heap's alone, stays where it is, and is given once: a heap that
        // has any doesn't come here, and one that finds it too short leaves it alone.
        unsafe { heap.add_region(memory, BYTES) };
    }
}

impl<R: RawMutex, const BYTES: usize, P: Policy> Default for StaticHeap<R, BYTES, P> {
    fn default() -> Self {
        Self::new()
    }
}

/// Without the lock: it can be shown while the heap is in use.
impl<R: RawMutex, const BYTES: usize, P: Policy> fmt::Debug for StaticHeap<R, BYTES, P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StaticHeap").field("size", &BYTES).finish_non_exhaustive()
    }
}

// SAFETY: every call goes to the one heap, under the lock; its memory stays where it is, as the
// reference is for ever.
unsafe impl<R: RawMutex, const BYTES: usize, P: Policy> Allocator
    for &'static StaticHeap<R, BYTES, P>
{
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        StaticHeap::lock(self).allocate(layout)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe { self.heap.lock().deallocate(block, layout) }
    }

    #[inline]
    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        unsafe { self.heap.lock().grow(block, old, new) }
    }

    #[inline]
    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        unsafe { self.heap.lock().grow_zeroed(block, old, new) }
    }

    #[inline]
    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no larger.
        unsafe { self.heap.lock().shrink(block, old, new) }
    }
}

stratalloc_core::ecosystem!(
    impl[R: RawMutex, const BYTES: usize, P: Policy] for &'static StaticHeap<R, BYTES, P>
);

// SAFETY: as above; a global allocator stays where it is.
unsafe impl<R: RawMutex, const BYTES: usize, P: Policy> GlobalAlloc for StaticHeap<R, BYTES, P> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: a global allocator stays where it is.
        let block = unsafe { self.claimed() }.allocate(layout);
        block.map_or(ptr::null_mut(), |block| block.as_ptr().cast())
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the block is live, and the layout is its own.
        unsafe { self.heap.lock().free(block) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, old: Layout, size: usize) -> *mut u8 {
        let (Some(live), Ok(new)) =
            (NonNull::new(block), Layout::from_size_align(size, old.align()))
        else {
            return ptr::null_mut();
        };
        // SAFETY: the block is live with this layout, and the new size isn't zero.
        let moved = unsafe { self.heap.lock().resize(live, new, size.min(old.size())) };
        moved.map_or(ptr::null_mut(), |block| block.as_ptr().cast())
    }
}
