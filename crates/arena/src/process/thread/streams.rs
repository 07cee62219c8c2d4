//! The C library's lock over its list of open streams, which a fork takes before those of the heaps.
//!
//! `fflush(NULL)` holds it while it waits for a stream, whose holder may be in `getline`, waiting for a
//! heap. The GNU C library's fork takes it after the handlers of `pthread_atfork` ran, and its own malloc's
//! locks last; with ours taken first, three threads could wait for each other.

#[cfg(target_env = "gnu")]
unsafe extern "C" {
    safe fn _IO_list_lock();
    safe fn _IO_list_unlock();
    safe fn _IO_list_resetlock();
}

/// Takes it. The thread that has it may take it again, as fork does.
pub(super) fn lock() {
    #[cfg(target_env = "gnu")]
    _IO_list_lock();
}

/// Gives it back once.
pub(super) fn unlock() {
    #[cfg(target_env = "gnu")]
    _IO_list_unlock();
}

/// Makes it free, for the only thread of a forked process.
pub(super) fn reset() {
    #[cfg(target_env = "gnu")]
    _IO_list_resetlock();
}
