//! How the C library tells of forks.
//!
//! By handlers of `pthread_atfork`, but for the malloc of a static program on musl. Its `fork` takes the lock of its list of
//! streams after those handlers, which the module `streams` says the danger of; and a handler of signals that forks in
//! their midst finds them half called. It has a name for a malloc that is told after all of that, with signals blocked,
//! since musl 1.2.2.

use super::this_process::{after, after_in_child, before};

/// Has forks told of.
pub(super) fn register() {
    // SAFETY: the handlers may be called at any fork, in the order that the call names.
    #[cfg(not(all(feature = "libc-malloc", target_env = "musl", target_feature = "crt-static")))]
    unsafe {
        libc::pthread_atfork(Some(before), Some(after), Some(after_in_child))
    };
}

/// Called by musl's `fork` where there may be other threads: before it with a negative number, and after it with zero, in
/// the child with one. A thread that is alone finds no lock held but its own.
#[cfg(all(feature = "libc-malloc", target_env = "musl", target_feature = "crt-static"))]
#[unsafe(no_mangle)]
extern "C" fn __malloc_atfork(who: core::ffi::c_int) {
    match who {
        0 => after(),
        1.. => after_in_child(),
        _ => before(),
    }
}
