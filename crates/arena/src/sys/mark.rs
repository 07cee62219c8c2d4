//! The mark that a thread without a cache puts on locks.

use crate::sys::lock::Mark;

/// The mark of the calling thread: an address of its own. It has no cache.
pub(crate) fn of_thread() -> Mark {
    // SAFETY: the call has no preconditions.
    Mark::new(unsafe { libc::pthread_self() } as usize)
}
