//! Blocks at a chosen alignment.

use core::ffi::{c_int, c_void};

use stratalloc_arena::global;

use crate::errno::{EINVAL, ENOMEM, fail, keeping_errno, or_out_of_memory, set};

/// The least alignment of a block: smaller ones are raised to it.
pub(crate) const MIN_ALIGN: usize = 16;

/// `posix_memalign`: stores a block at `*place` and returns 0; or returns `EINVAL` (an alignment that
/// is no power of two or no multiple of a pointer's size) or `ENOMEM`, and leaves `*place` alone.
/// With `ENOMEM`, `errno` is set too, as in the GNU C library; else it stays.
///
/// # Safety
///
/// `place` can be written.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn posix_memalign(
    place: *mut *mut c_void,
    alignment: usize,
    size: usize,
) -> c_int {
    if !alignment.is_power_of_two() || alignment < size_of::<*mut c_void>() {
        return EINVAL;
    }
    let block = keeping_errno(|| global::allocate_aligned_c(size, alignment));
    if block.is_null() {
        set(ENOMEM);
        return ENOMEM;
    }
    // SAFETY: `place` can be written, by this function's contract.
    unsafe { place.write(block.cast()) };
    0
}

/// C11's `aligned_alloc`: `EINVAL` if the alignment is no power of two. Any size will do.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut u8 {
    if !alignment.is_power_of_two() {
        return fail(EINVAL);
    }
    or_out_of_memory(global::allocate_aligned_c(size, alignment))
}

/// `memalign`: an alignment that is no power of two is rounded up to one, as the GNU C library does;
/// `EINVAL` if there is none.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn memalign(alignment: usize, size: usize) -> *mut u8 {
    match alignment.checked_next_power_of_two() {
        Some(alignment) => aligned_alloc(alignment, size),
        None => fail(EINVAL),
    }
}

/// `valloc`: at a page's start.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn valloc(size: usize) -> *mut u8 {
    aligned_alloc(page_size(), size)
}

/// `pvalloc`: whole pages, at least one; `ENOMEM` if rounding up overflows.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn pvalloc(size: usize) -> *mut u8 {
    match size.max(1).checked_next_multiple_of(page_size()) {
        Some(size) => valloc(size),
        None => fail(ENOMEM),
    }
}

fn page_size() -> usize {
    // SAFETY: `getauxval` has no preconditions; the kernel passes the page size to every process.
    unsafe { libc::getauxval(libc::AT_PAGESZ) as usize }
}
