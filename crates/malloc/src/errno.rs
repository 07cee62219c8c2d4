//! The calling thread's `errno`.

use core::ffi::c_int;

pub(crate) use libc::{EINVAL, ENOMEM};

fn place() -> *mut c_int {
    // SAFETY: `__errno_location` has no preconditions.
    unsafe { libc::__errno_location() }
}

pub(crate) fn get() -> c_int {
    // SAFETY: the place is the calling thread's own, and stays as long as the thread.
    unsafe { *place() }
}

pub(crate) fn set(value: c_int) {
    // SAFETY: the place is the calling thread's own, and stays as long as the thread.
    unsafe { *place() = value }
}

/// Sets `errno`, and returns null for a C function that fails.
#[cold]
pub(crate) fn fail(value: c_int) -> *mut u8 {
    set(value);
    core::ptr::null_mut()
}

/// Returns a block as it is, and sets `ENOMEM` if it is null.
pub(crate) fn or_out_of_memory(block: *mut u8) -> *mut u8 {
    if block.is_null() { fail(ENOMEM) } else { block }
}

/// Calls `act`, which may change `errno`, and restores `errno`.
pub(crate) fn keeping_errno<T>(act: impl FnOnce() -> T) -> T {
    let before = get();
    let result = act();
    set(before);
    result
}
