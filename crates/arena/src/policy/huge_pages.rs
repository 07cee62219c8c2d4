//! Huge pages: they are asked for where the memory that they may leave unused is little beside the memory held.
//!
//! A huge page is faulted in at a sixth of the cost of the pages that it replaces, and spares the processor most of its
//! look-ups. But the first byte touched brings all of it.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::{
    plan::geometry::Partition,
    policy::grant,
    thresholds::{HUGE_BLOCK, HUGE_BLOCK_HELD, HUGE_HELD, HUGE_SHARE},
};

/// Whether any are asked for. Read anew each time: `Relaxed`.
static WANTED: AtomicBool = AtomicBool::new(true);

/// Sets whether any are asked for.
pub(crate) fn set(wanted: bool) {
    WANTED.store(wanted, Ordering::Relaxed);
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
    WANTED.load(Ordering::Relaxed) && grant::limit().is_none()
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
