//! Heaps as values: the functions of `stratalloc.h` for arena heaps.

use core::{alloc::Layout, ptr::NonNull};

use stratalloc_arena::{ArenaHeap, global};
use stratalloc_core::{AllocError, Allocator, FreeUnsized, Owns, Stats, UsableSize};

use crate::{
    aligned::MIN_ALIGN,
    errno::{EINVAL, ENOMEM, fail, or_out_of_memory},
};

/// Creates a heap; null with `ENOMEM` if memory is out, or if there are as many as there may be.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn stratalloc_heap_new() -> *mut ArenaHeap {
    placed(ArenaHeap::new)
}

/// Creates a heap that never holds more than so many bytes, in granules of 64 KiB; null as for [`stratalloc_heap_new`].
#[unsafe(no_mangle)]
pub(crate) extern "C" fn stratalloc_heap_new_limited(bytes: usize) -> *mut ArenaHeap {
    placed(|| ArenaHeap::with_limit(bytes))
}

/// Creates a heap, and puts it into a block of `malloc`'s.
fn placed(create: impl FnOnce() -> Result<ArenaHeap, AllocError>) -> *mut ArenaHeap {
    #[expect(clippy::cast_ptr_alignment, reason = "blocks of C are aligned to 16")]
    let place = global::allocate_c(size_of::<ArenaHeap>()).cast::<ArenaHeap>();
    if place.is_null() {
        return fail(ENOMEM).cast();
    }
    let Ok(heap) = create() else {
        // SAFETY: the block was just allocated.
        unsafe { global::deallocate_c(place.cast()) };
        return fail(ENOMEM).cast();
    };
    // SAFETY: the block was just allocated, with room for a heap.
    unsafe { place.write(heap) };
    place
}

/// `malloc` in a heap.
///
/// # Safety
///
/// `heap` is from [`stratalloc_heap_new`], not destroyed, and in no other thread's use.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn stratalloc_heap_alloc(
    heap: *mut ArenaHeap,
    size: usize,
) -> *mut u8 {
    // SAFETY: this function's contract is the same.
    unsafe { stratalloc_heap_aligned_alloc(heap, MIN_ALIGN, size) }
}

/// `aligned_alloc` in a heap: `EINVAL` if the alignment is no power of two.
///
/// # Safety
///
/// As for [`stratalloc_heap_alloc`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn stratalloc_heap_aligned_alloc(
    heap: *mut ArenaHeap,
    alignment: usize,
    size: usize,
) -> *mut u8 {
    if !alignment.is_power_of_two() {
        return fail(EINVAL);
    }
    let Ok(layout) = Layout::from_size_align(size.max(1), alignment.max(MIN_ALIGN)) else {
        return fail(ENOMEM);
    };
    // SAFETY: `heap` is a live heap in no other thread's use, by this function's contract.
    let block = unsafe { (*heap).allocate(layout) };
    or_out_of_memory(block.map_or(core::ptr::null_mut(), |block| block.cast().as_ptr()))
}

/// `realloc` in a heap, aligned to 16; size 0 frees the block and returns null.
///
/// # Safety
///
/// As for [`stratalloc_heap_free`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn stratalloc_heap_realloc(
    heap: *mut ArenaHeap,
    block: *mut u8,
    size: usize,
) -> *mut u8 {
    // SAFETY: `heap` is a live heap in no other thread's use, and `block` null or a live block, by this function's
    // contract; a block of `usable` bytes has that layout.
    unsafe {
        let Some(old) = NonNull::new(block) else { return stratalloc_heap_alloc(heap, size) };
        if size == 0 {
            stratalloc_heap_free(heap, block);
            return core::ptr::null_mut();
        }
        let usable = (*heap).usable_size(old);
        let layouts = |new| Some((layout(usable)?, layout(new)?));
        let Some((from, to)) = layouts(size) else { return fail(ENOMEM) };
        let resized =
            if size > usable { (*heap).grow(old, from, to) } else { (*heap).shrink(old, from, to) };
        or_out_of_memory(resized.map_or(core::ptr::null_mut(), |block| block.cast().as_ptr()))
    }
}

fn layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(size, MIN_ALIGN).ok()
}

/// `free` in a heap; null is no block. A block of another heap, or of `malloc`, goes back to its owner.
///
/// # Safety
///
/// As for [`stratalloc_heap_alloc`]; `block` is null, or live.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn stratalloc_heap_free(heap: *mut ArenaHeap, block: *mut u8) {
    // SAFETY: `heap` is a live heap in no other thread's use, and `block` null or a live block, by this function's
    // contract.
    unsafe {
        match NonNull::new(block) {
            Some(own) if (*heap).owns(own) => (*heap).free_unsized(own),
            _ => global::deallocate_c(block),
        }
    }
}

/// Frees every block of a heap, and keeps the memory for the next ones.
///
/// # Safety
///
/// As for [`stratalloc_heap_alloc`]; nothing uses a block of it any more.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn stratalloc_heap_reset(heap: *mut ArenaHeap) {
    // SAFETY: `heap` is a live heap in no other thread's use, by this function's contract.
    unsafe { (*heap).reset() };
}

/// Frees every block of a heap, and the heap; null is no heap.
///
/// # Safety
///
/// As for [`stratalloc_heap_reset`]; or `heap` is null.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn stratalloc_heap_destroy(heap: *mut ArenaHeap) {
    if !heap.is_null() {
        // SAFETY: `heap` is a live heap in a block of `malloc`'s, and nothing uses it any more, by this function's
        // contract.
        unsafe {
            heap.drop_in_place();
            global::deallocate_c(heap.cast());
        }
    }
}

/// Returns the bytes of a heap's blocks in use.
///
/// # Safety
///
/// As for [`stratalloc_heap_alloc`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn stratalloc_heap_in_use(heap: *mut ArenaHeap) -> usize {
    // SAFETY: `heap` is a live heap in no other thread's use, by this function's contract.
    unsafe { (*heap).stats().in_use }
}
