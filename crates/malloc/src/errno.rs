//! The calling thread's `errno`.

use core::ffi::c_int;

pub(crate) use libc::{EINVAL, ENOMEM};

fn place() -> *mut c_int {
    // SAFETY: the call has no preconditions.
    unsafe { libc::__errno_location() }
}

pub(crate) fn get() -> c_int {
    // SAFETY: the place is the calling thread's.
    unsafe { *place() }
}

pub(crate) fn set(value: c_int) {
    // SAFETY: as for `get`.
    unsafe { *place() = value }
}

/// What a C function returns when it fails: null, with `errno` set.
#[cold]
pub(crate) fn fail(value: c_int) -> *mut u8 {
    set(value);
    core::ptr::null_mut()
}

/// A block; or null with `ENOMEM` if there is none.
pub(crate) fn or_out_of_memory(block: *mut u8) -> *mut u8 {
    if block.is_null() { fail(ENOMEM) } else { block }
}

/// Does something that may disturb `errno`, and puts it back.
pub(crate) fn keeping_errno<T>(act: impl FnOnce() -> T) -> T {
    let before = get();
    let result = act();
    set(before);
    result
}
