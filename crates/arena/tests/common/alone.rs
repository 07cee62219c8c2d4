//! Tests that look at the whole process run one by one.

use std::{
    fs,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

/// The thread of the test that ran last, by its folder in `/proc`.
static LAST: Mutex<Option<PathBuf>> = Mutex::new(None);

/// This test's turn, for as long as what is returned lives.
///
/// Its thread gives its heap up after that, as it ends. The next test waits for this as well: it would
/// change the figures under its eyes.
pub(crate) fn alone() -> MutexGuard<'static, Option<PathBuf>> {
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let own = fs::canonicalize("/proc/thread-self").unwrap();
    while last.as_ref().is_some_and(|last| *last != own && last.exists()) {
        thread::yield_now();
    }
    *last = Some(own);
    last
}
