//! The second names that the GNU C library has for its functions.
//!
//! Some programs call them to get past a `malloc` of their own. Without them they would get blocks of the C library's
//! heap, and pass these to our `free`.

use core::ffi::c_int;

use crate::{
    aligned::{memalign, pvalloc, valloc},
    inspect::mallopt,
    standard::{calloc, free, malloc, realloc},
};

#[unsafe(no_mangle)]
extern "C" fn __libc_malloc(size: usize) -> *mut u8 {
    malloc(size)
}

#[unsafe(no_mangle)]
extern "C" fn __libc_calloc(count: usize, size: usize) -> *mut u8 {
    calloc(count, size)
}

/// # Safety
///
/// As for [`realloc`].
#[unsafe(no_mangle)]
unsafe extern "C" fn __libc_realloc(block: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: this function's contract is the same.
    unsafe { realloc(block, size) }
}

/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
unsafe extern "C" fn __libc_free(block: *mut u8) {
    // SAFETY: this function's contract is the same.
    unsafe { free(block) }
}

#[unsafe(no_mangle)]
extern "C" fn __libc_memalign(alignment: usize, size: usize) -> *mut u8 {
    memalign(alignment, size)
}

#[unsafe(no_mangle)]
extern "C" fn __libc_valloc(size: usize) -> *mut u8 {
    valloc(size)
}

#[unsafe(no_mangle)]
extern "C" fn __libc_pvalloc(size: usize) -> *mut u8 {
    pvalloc(size)
}

#[unsafe(no_mangle)]
extern "C" fn __libc_mallopt(parameter: c_int, value: c_int) -> c_int {
    mallopt(parameter, value)
}
