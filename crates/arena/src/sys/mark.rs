//! What a thread marks locks with.

/// An address of the thread's own, for one that has no cache.
pub(crate) fn of_thread() -> usize {
    // SAFETY: the call has no preconditions.
    (unsafe { libc::pthread_self() }) as usize | 1
}
