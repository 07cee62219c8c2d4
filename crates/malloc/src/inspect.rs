//! What programs ask of or tell the allocator about itself.

use core::ffi::c_int;

use stratalloc_arena::global;

/// `malloc_usable_size`: the bytes of a block that its owner may use, all of them; 0 for null.
///
/// # Safety
///
/// `block` is null, or live.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn malloc_usable_size(block: *const u8) -> usize {
    if block.is_null() {
        return 0;
    }
    // SAFETY: the caller's promise.
    unsafe { global::usable_size(block.cast_mut()) }
}

/// `malloc_trim`: gives back to the system what serves nothing. 1 if anything was, else 0. The
/// padding, memory to keep at the heap's top, means nothing here.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn malloc_trim(_pad: usize) -> c_int {
    c_int::from(global::trim() > 0)
}

/// `mallopt`: accepts the parameters of the GNU C library, none of which means anything here. 1 for
/// one of them, 0 for others.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn mallopt(parameter: c_int, _value: c_int) -> c_int {
    // M_MXFAST; M_TRIM_THRESHOLD (-1) to M_ARENA_MAX (-8).
    c_int::from(parameter == 1 || (-8..=-1).contains(&parameter))
}
