//! Threads and forks by the C library's names, which all of Unix has.

use core::ffi::c_int;

unsafe extern "C" {
    safe fn pthread_self() -> usize;
    fn pthread_atfork(
        prepare: Option<unsafe extern "C" fn()>,
        parent: Option<unsafe extern "C" fn()>,
        child: Option<unsafe extern "C" fn()>,
    ) -> c_int;
}

/// Returns a word of the calling thread's own: the address of what the C library knows of it.
pub(crate) fn this_thread() -> usize {
    pthread_self()
}

/// Has `before` called before each fork, by the thread that forks, and `after` after it in both processes.
///
/// Should the C library have no memory for that, forks aren't watched.
pub(crate) fn watch_forks(before: unsafe extern "C" fn(), after: unsafe extern "C" fn()) {
    // SAFETY: functions of ours, which live as long as the process.
    unsafe { pthread_atfork(Some(before), Some(after), Some(after)) };
}
