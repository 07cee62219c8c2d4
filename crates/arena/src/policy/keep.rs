//! Kept memory: the memory behind vacant segments and free blocks, which serves nothing, and the bound on it.
//!
//! Freed memory is kept warm for the next use, since page faults are the dearest thing that an allocator causes.
//! All heaps together keep no more than a constant and a share of the bytes in use. Beyond that, the heap that frees gives
//! some of its own back, in large ranges; and if that isn't enough, idle heaps give theirs.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::{
    policy::{self, grant},
    sys,
    thresholds::{KEEP_DEFAULT, SHARE_DEFAULT, SHARE_TIMES, WHOLE_PART, WHOLE_PART_AGAIN},
};

/// The settings. Read anew each time: `Relaxed`.
pub(crate) static KEEP: AtomicUsize = AtomicUsize::new(KEEP_DEFAULT);
pub(crate) static SHARE: AtomicUsize = AtomicUsize::new(SHARE_DEFAULT);

/// Bytes that serve nothing, and bytes of blocks that are not free, of all heaps, as far as these published them.
/// Figures, not guards: `Relaxed`, and they order nothing.
pub(crate) static DIRTY: AtomicUsize = AtomicUsize::new(0);
pub(crate) static USED: AtomicUsize = AtomicUsize::new(0);

/// The number of areas in which threads are at home: their heaps share the bytes that may be kept. `Relaxed`: a figure.
pub(crate) static HOMES: AtomicUsize = AtomicUsize::new(0);

/// How many bytes beyond the limit were left as idle heaps last gave some back. `Relaxed`: a figure.
static LEFT_OVER: AtomicUsize = AtomicUsize::new(0);
/// The time at which they did, in milliseconds of the system's clock. `Relaxed`: a figure.
static ASKED_AT: AtomicU64 = AtomicU64::new(0);

/// Whether the process keeps too much, so that idle heaps have to give some back: not if they left as much a moment ago.
pub(crate) fn is_excess() -> bool {
    let beyond = beyond_limit();
    let change = beyond.abs_diff(LEFT_OVER.load(Ordering::Relaxed));
    beyond > 0
        && !may_wait()
        && (change >= policy::patience(USED.load(Ordering::Relaxed))
            || policy::may_ask_again(ASKED_AT.load(Ordering::Relaxed), sys::milliseconds()))
}

/// Notes that idle heaps gave back what they could.
pub(crate) fn asked_all() {
    LEFT_OVER.store(beyond_limit(), Ordering::Relaxed);
    ASKED_AT.store(sys::milliseconds(), Ordering::Relaxed);
}

/// The bytes that serve nothing beyond those that may be kept.
fn beyond_limit() -> usize {
    bytes().saturating_sub(limit(false))
}

/// The share of so many bytes in use.
fn share(used: usize) -> usize {
    used / 100 * SHARE.load(Ordering::Relaxed)
}

/// The bytes that may be kept beside so many in use, and beside the constant of so many.
fn beside(used: usize, keep: usize) -> usize {
    share(used.max(SHARE_TIMES * used.min(keep))).min(used)
}

/// The bytes that all heaps together may keep now; half of the constant again `after_purge`.
///
/// The sum of constant and share, since what is in use rises and falls by as much where large blocks are replaced.
fn limit(after_purge: bool) -> usize {
    let used = USED.load(Ordering::Relaxed);
    let keep = KEEP.load(Ordering::Relaxed);
    let constant = if after_purge { keep.saturating_add(keep / 2) } else { keep };
    constant.saturating_add(beside(used, keep)).min(grant::left_for_keeping(used))
}

/// The bytes behind vacant arenas, and beside whole blocks, that a heap with so many in use may keep: the constant, and as
/// much again where little is in use, which may double in a moment.
pub(crate) fn of_whole(used: usize) -> usize {
    let keep = KEEP.load(Ordering::Relaxed);
    let again = keep.saturating_sub(share(used) / WHOLE_PART_AGAIN);
    keep.saturating_add(again.max(share(used) / WHOLE_PART))
}

/// Whether all heaps together keep more than they may.
pub(crate) fn is_over() -> bool {
    beyond_limit() > 0
}

/// Whether the excess is so small that memory which will serve again soon may wait for that. Not under a limit.
pub(crate) fn may_wait() -> bool {
    grant::limit().is_none() && policy::may_wait(bytes(), share(USED.load(Ordering::Relaxed)))
}

/// Bytes that serve nothing.
fn bytes() -> usize {
    DIRTY.load(Ordering::Relaxed)
}

/// How many of its `own` bytes a heap should keep now: all of them, unless the process keeps too much.
///
/// A heap that gave some back a moment ago (`after_purge`) may keep more: if it frees so much again so soon, it will need
/// the memory again soon. It gives back a quarter of the limit at least, so that it is worth the calls.
pub(crate) fn to_keep(own: usize, after_purge: bool) -> usize {
    let (limit, dirty) = (limit(after_purge), bytes());
    if dirty <= limit {
        return own;
    }
    if own <= policy::heap_minimum(KEEP.load(Ordering::Relaxed), HOMES.load(Ordering::Relaxed)) {
        return own;
    }
    own.saturating_sub(dirty - limit / 4 * 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    /// All that is in use up to the constant, and a quarter of it from four times that on.
    #[test]
    fn a_small_program_may_keep_all_that_it_uses_and_a_large_one_a_quarter() {
        for (used, keep, expected) in
            [(0, 32, 0), (10, 32, 10), (32, 32, 32), (100, 32, 32), (400, 32, 100), (400, 0, 100)]
        {
            let beside = beside(used * MIB, keep * MIB);
            assert!(beside.abs_diff(expected * MIB) < 1000, "{used} in use, {keep}: {beside}");
        }
    }
}
