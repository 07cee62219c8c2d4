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
        FILLED_FREES, HUGE_BLOCK, HUGE_BLOCK_HELD, HUGE_FILLED, HUGE_FILLED_HELD, HUGE_HELD,
        HUGE_PAGE, HUGE_PAUSE, HUGE_SHARE, HUGE_SHARE_OF_CLASS, SLOW_HUGE_PAGE, SLOW_IN_A_ROW,
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

/// Whether a heap that holds so many bytes, and so many of them in one class, should have the next segment of that class in
/// huge pages, which lies in this partition.
pub(crate) fn suit_segments(partition: Partition, held: usize, of_class: usize) -> bool {
    let slack = partition.segment_size().max(HUGE_PAGE);
    let is_much = held >= (partition.segment_size() * HUGE_SHARE).max(HUGE_HELD)
        || of_class >= slack * HUGE_SHARE_OF_CLASS;
    is_much && may_be_asked_for()
}

/// Whether the large blocks of a heap are filled, by a look at some of those that were freed. All zero is a heap of which
/// nothing is known.
#[derive(Clone, Copy, Default)]
pub(crate) struct Filling {
    /// Zero if the last one wasn't, or none was looked at; else how many are freed until the next look.
    left: u8,
}

impl Filling {
    /// Whether to look at a block of so many bytes that is freed now.
    pub(crate) fn is_due(&mut self, size: usize) -> bool {
        if size < HUGE_FILLED {
            return false;
        }
        let due = self.left <= 1;
        self.left -= u8::from(!due);
        due
    }

    /// Notes what the look showed.
    pub(crate) fn note(&mut self, filled: bool) {
        self.left = if filled { FILLED_FREES } else { 0 };
    }

    /// Whether a large block of so many bytes in segments of that size should be in huge pages, in a heap that holds so many
    /// besides.
    pub(crate) fn suits(self, size: usize, held: usize, segment: usize) -> bool {
        let (least, least_held) = if self.left != 0 && segment < HUGE_PAGE {
            (HUGE_FILLED, HUGE_FILLED_HELD)
        } else {
            (HUGE_BLOCK, HUGE_BLOCK_HELD)
        };
        size >= least && size + held >= least_held && may_be_asked_for()
    }
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

    #[test]
    fn little_is_left_unused() {
        for partition in Partition::all() {
            let slack = partition.segment_size().max(HUGE_PAGE);
            assert!(!suit_segments(partition, 7 * slack, 7 * slack));
            assert!(suit_segments(partition, 32 * slack, 0));
            assert!(suit_segments(partition, 8 * slack, 8 * slack));
        }
        let (large, small) = (HUGE_PAGE, HUGE_PAGE / 2);
        let mut filling = Filling::default();
        assert!(filling.suits(HUGE_BLOCK_HELD, 0, large) && !filling.suits(HUGE_BLOCK, 0, large));
        for segment in [large, small] {
            assert!(filling.suits(HUGE_BLOCK, HUGE_BLOCK_HELD, segment));
            assert!(!filling.suits(HUGE_BLOCK - 1, HUGE_BLOCK_HELD, segment));
        }
        filling.note(true);
        assert!(filling.suits(HUGE_FILLED, HUGE_FILLED_HELD - HUGE_FILLED, small));
        assert!(!filling.suits(HUGE_FILLED, HUGE_FILLED_HELD - HUGE_FILLED - 1, small));
        assert!(!filling.suits(HUGE_FILLED - 1, HUGE_BLOCK_HELD, small));
        assert!(!filling.suits(HUGE_BLOCK - 1, HUGE_BLOCK_HELD, large));
        filling.note(false);
        assert!(!filling.suits(HUGE_BLOCK - 1, HUGE_BLOCK_HELD, small));
    }

    #[test]
    fn one_freed_block_in_some_is_looked_at_while_they_are_filled() {
        let mut filling = Filling::default();
        assert!(!filling.is_due(HUGE_FILLED - 1));
        for filled in [false, false, true] {
            assert!(filling.is_due(HUGE_FILLED));
            filling.note(filled);
        }
        let looks = (1..FILLED_FREES).filter(|_| filling.is_due(HUGE_FILLED)).count();
        assert_eq!((looks, filling.is_due(HUGE_FILLED)), (0, true));
    }
}
