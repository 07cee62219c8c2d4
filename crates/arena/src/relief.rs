//! What is tried before a request is refused.

use crate::{global, large::MAX_IN_ARENAS, limit, thread, values};

/// Tries again, if memory is out, once there is room; not for sizes that are beyond all reason.
#[inline(always)]
pub(crate) fn with_relief<T>(size: usize, attempt: impl Fn() -> Option<T>) -> Option<T> {
    let first = attempt();
    if first.is_some() { first } else { try_again(size, attempt) }
}

#[cold]
fn try_again<T>(size: usize, attempt: impl Fn() -> Option<T>) -> Option<T> {
    let within_reason = size <= MAX_IN_ARENAS.max(limit::get().unwrap_or(0));
    if within_reason {
        relieve();
        let found = attempt();
        if found.is_some() {
            return found;
        }
    }
    if limit::ask_hook(size) { attempt() } else { None }
}

/// Makes room where the process has all the memory that a limit grants it: gives back what serves
/// nothing, so that what one size has used can serve another.
fn relieve() {
    if global::trim() > 0 && limit::get().is_some() {
        return;
    }
    let mark = thread::mark();
    values::each_heap(mark, |heap| {
        heap.pools(mark).decommit();
    });
}
