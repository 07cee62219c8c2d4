//! Huge pages: they are asked for where the memory that they may leave unused is little beside the memory held.
//!
//! A huge page is faulted in at a sixth of the cost of the pages that it replaces, and spares the processor most of its
//! look-ups. But the first byte touched brings all of it.

//!
//! Where free memory is in pieces, a huge page takes longer than all the pages that it replaces. So the first of each
//! stretch is timed, and after some slow ones none are asked for until a while has passed.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::{
    plan::geometry::Partition,
    policy::grant,
    sys,
    thresholds::{
        HUGE_BLOCK, HUGE_BLOCK_HELD, HUGE_HELD, HUGE_PAUSE, HUGE_SHARE, SLOW_HUGE_PAGE,
        SLOW_IN_A_ROW,
    },
};

/// Whether any are asked for. Read anew each time: `Relaxed`.
static WANTED: AtomicBool = AtomicBool::new(true);

/// How many of those that were timed last were slow. `Relaxed`: a figure.
static SLOW_FAULTS: AtomicU32 = AtomicU32::new(0);
/// The time from which on they may be asked for, in milliseconds of the system's clock. `Relaxed`: a figure.
static ASKED_FROM: AtomicU64 = AtomicU64::new(0);

/// Sets whether any are asked for, whatever was noted before.
pub(crate) fn set(wanted: bool) {
    WANTED.store(wanted, Ordering::Relaxed);
    SLOW_FAULTS.store(0, Ordering::Relaxed);
    ASKED_FROM.store(0, Ordering::Relaxed);
}

/// Notes that one was faulted in, in so many nanoseconds; returns whether that was fast.
pub(crate) fn note_fault(nanoseconds: u64) -> bool {
    let fast = nanoseconds <= SLOW_HUGE_PAGE;
    if fast {
        SLOW_FAULTS.store(0, Ordering::Relaxed);
    } else if SLOW_FAULTS.fetch_add(1, Ordering::Relaxed) + 1 >= SLOW_IN_A_ROW {
        SLOW_FAULTS.store(0, Ordering::Relaxed);
        ASKED_FROM.store(sys::milliseconds() + HUGE_PAUSE, Ordering::Relaxed);
    }
    fast
}

/// Whether a heap that holds so many bytes should have its next segments of a partition in huge pages.
pub(crate) fn suit_segments(partition: Partition, held: usize) -> bool {
    held >= (partition.segment_size() * HUGE_SHARE).max(HUGE_HELD) && may_be_asked_for()
}

/// Whether a whole block of so many bytes should be in huge pages, in a heap that holds so many besides.
pub(crate) fn suit_block(size: usize, held: usize) -> bool {
    size >= HUGE_BLOCK && size + held >= HUGE_BLOCK_HELD && may_be_asked_for()
}

/// Whether any may be asked for. Not under a limit: it couldn't count the memory behind bytes that were never touched.
fn may_be_asked_for() -> bool {
    WANTED.load(Ordering::Relaxed)
        && sys::is_advice_allowed()
        && grant::limit().is_none()
        && are_fast()
}

/// Whether they weren't slow of late.
fn are_fast() -> bool {
    let from = ASKED_FROM.load(Ordering::Relaxed);
    from == 0 || sys::milliseconds() >= from
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thresholds::HUGE_PAGE;

    #[test]
    fn little_is_left_unused() {
        for partition in Partition::all() {
            let slack = partition.segment_size().max(HUGE_PAGE);
            assert!(!suit_segments(partition, 7 * slack) && suit_segments(partition, 32 * slack));
        }
        assert!(!suit_block(HUGE_BLOCK, 0) && !suit_block(HUGE_BLOCK - 1, HUGE_BLOCK_HELD));
        assert!(suit_block(HUGE_BLOCK_HELD, 0) && suit_block(HUGE_BLOCK, HUGE_BLOCK_HELD));
    }
}
