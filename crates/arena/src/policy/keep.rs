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

/// The same of the share by default, or of one that is smaller, which is what bounds beside the share go by: a larger one keeps
/// more of what is in use, but no more for each purpose.
fn usual_share(used: usize, percent: usize) -> usize {
    used / 100 * percent.min(SHARE_DEFAULT)
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

/// The bytes behind vacant arenas, and beside whole blocks, that a heap with so many in use may keep.
pub(crate) fn of_whole(used: usize) -> usize {
    whole(usual_share(used, SHARE.load(Ordering::Relaxed)), KEEP.load(Ordering::Relaxed))
}

/// The same by the usual share and the constant: the constant, and as much again where little is in use, which may double in a
/// moment.
fn whole(share: usize, keep: usize) -> usize {
    let again = keep.saturating_sub(share / WHOLE_PART_AGAIN);
    keep.saturating_add(again.max(share / WHOLE_PART))
}

/// Whether memory may go though less is kept than may be: not where more than usual was asked for.
pub(crate) fn goes_for_growth() -> bool {
    KEEP.load(Ordering::Relaxed) <= KEEP_DEFAULT
}

/// Whether all heaps together keep more than they may.
pub(crate) fn is_over() -> bool {
    beyond_limit() > 0
}

/// Whether they keep no more than they may beside nothing in use, which few words of memory say.
pub(crate) fn is_little() -> bool {
    bytes() <= KEEP.load(Ordering::Relaxed) && grant::limit().is_none()
}

/// Whether the excess is so small that memory which will serve again soon may wait for that. Not under a limit.
pub(crate) fn may_wait() -> bool {
    let share = usual_share(USED.load(Ordering::Relaxed), SHARE.load(Ordering::Relaxed));
    grant::limit().is_none() && policy::may_wait(bytes(), share)
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

    /// What the table of ARENA.md says of blocks of more than 2 MiB: 32 MiB, and as much again less an eighth of what is in use, or
    /// a thirty-second of it; and twice what is in use for a moment, whatever larger share is kept besides.
    #[test]
    fn a_larger_share_keeps_no_more_beside_whole_blocks_and_for_a_moment() {
        for percent in [SHARE_DEFAULT, 50, 100] {
            for (used, expected) in [(0, 64), (64, 56), (256, 40), (1024, 64), (4096, 160)] {
                let share = usual_share(used * MIB, percent);
                let kept = whole(share, 32 * MIB);
                assert!(kept.abs_diff(expected * MIB) < 1000, "{percent} %, {used}: {kept}");
                let dirty = 2 * used * MIB;
                assert!(used == 0 || policy::may_wait(dirty - 1000, share));
                assert!(!policy::may_wait(dirty + 1000, share), "{percent} %, {used}");
            }
        }
        assert_eq!(usual_share(100, 10), 10);
    }
}
