//! What a thread marks locks with.

use crate::sys::lock::Mark;

/// An address of the thread's own, for one that has no cache.
pub(crate) fn of_thread() -> Mark {
    // SAFETY: the call has no preconditions.
    Mark::new(unsafe { libc::pthread_self() } as usize)
}
