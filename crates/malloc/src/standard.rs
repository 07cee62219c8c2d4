//! malloc, calloc, realloc, free and their relatives.

use stratalloc_arena::global;

use crate::{
    aligned::MIN_ALIGN,
    errno::{ENOMEM, fail, or_out_of_memory},
};

/// `malloc`: `size` bytes aligned to 16. `malloc(0)` is a block like another.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn malloc(size: usize) -> *mut u8 {
    let block = global::allocate_cached_c(size);
    if block.is_null() { malloc_slow(size) } else { block }
}

/// The slow path of `malloc`, on its own: so the call is the fast path's last act, and needs no stack frame.
#[cold]
#[inline(never)]
extern "C" fn malloc_slow(size: usize) -> *mut u8 {
    or_out_of_memory(global::allocate_c(size))
}

/// `calloc`: `count * size` zero bytes; `ENOMEM` if the product overflows.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn calloc(count: usize, size: usize) -> *mut u8 {
    match count.checked_mul(size) {
        Some(bytes) => or_out_of_memory(global::allocate_zeroed_c(bytes)),
        None => fail(ENOMEM),
    }
}

/// `realloc`, as the GNU C library has it: a null block is allocated; size 0 frees the block and
/// returns null with `errno` as it was. On failure the block is as it was.
///
/// # Safety
///
/// `block` is null, or live.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn realloc(block: *mut u8, size: usize) -> *mut u8 {
    if size == 0 && !block.is_null() {
        // SAFETY: the block is live, by this function's contract.
        unsafe { free(block) };
        return core::ptr::null_mut();
    }
    // SAFETY: the block is null or live, by this function's contract, and aligned as C's blocks are.
    or_out_of_memory(unsafe { global::reallocate_c(block, size) })
}

/// `reallocarray`: `realloc` to `count * size` bytes; `ENOMEM` if the product overflows.
///
/// # Safety
///
/// `block` is null, or live.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn reallocarray(block: *mut u8, count: usize, size: usize) -> *mut u8 {
    match count.checked_mul(size) {
        // SAFETY: this function's contract is the same.
        Some(bytes) => unsafe { realloc(block, bytes) },
        None => fail(ENOMEM),
    }
}

/// `free`: takes a block back; null is no block. Keeps `errno`.
///
/// # Safety
///
/// `block` is null, or live.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn free(block: *mut u8) {
    // The slow path makes its system calls without the C library, so that `errno` stays.
    // SAFETY: the block is null or live, by this function's contract, and aligned as C's blocks are.
    unsafe { global::deallocate_c(block) }
}

/// `cfree`, which old programs call for `free`.
///
/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cfree(block: *mut u8) {
    // SAFETY: the block is null or live, by this function's contract, and aligned as C's blocks are.
    unsafe { global::deallocate_c(block) }
}

/// C23's `free_sized`. The size isn't used, but in the hardened build, which reports a wrong one: a block that `realloc`
/// left in place may lie in a class other than its size's.
///
/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn free_sized(block: *mut u8, size: usize) {
    // SAFETY: the block is null or live, by this function's contract, and aligned as C's blocks are.
    unsafe { global::deallocate_c_sized(block, size, MIN_ALIGN) }
}

/// C23's `free_aligned_sized`, for blocks of `aligned_alloc`.
///
/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn free_aligned_sized(block: *mut u8, alignment: usize, size: usize) {
    // SAFETY: the block is null or live, by this function's contract, and aligned as C's blocks are.
    unsafe { global::deallocate_c_sized(block, size, alignment.max(MIN_ALIGN)) }
}
