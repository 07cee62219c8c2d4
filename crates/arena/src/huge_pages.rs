//! Where huge pages are asked for: where what they may leave unused is little beside what is held.
//!
//! A huge page is faulted in at a sixth of the cost of the pages it stands for, and spares the processor most
//! of its look-ups. But the first byte touched brings all of it.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::{geometry::Partition, limit};

/// Bytes of a huge page, on most machines.
const SIZE: usize = 2 << 20;
/// A heap's segments come in huge pages once it holds so many times what one slab may leave unused of them.
const SHARE: usize = 32;
/// Whole blocks from so many bytes on come in huge pages, of which they may leave most of the last unused.
const BLOCK: usize = 4 * SIZE;

/// What is chosen. Read anew each time: `Relaxed`.
static WANTED: AtomicBool = AtomicBool::new(true);

/// Says whether any are to be asked for.
pub(crate) fn set(wanted: bool) {
    WANTED.store(wanted, Ordering::Relaxed);
}

/// Whether a heap that holds so many bytes should have its next segments of a partition in huge pages.
pub(crate) fn suit_segments(partition: Partition, held: usize) -> bool {
    // Four slabs or more share a page in the lower partitions, and are filled in turn.
    held >= partition.segment_size().max(SIZE / 4) * SHARE && may_be_asked_for()
}

/// Whether a whole block of so many bytes should be in huge pages.
pub(crate) fn suit_block(size: usize) -> bool {
    size >= BLOCK && may_be_asked_for()
}

/// Not under a limit: it couldn't count what lies behind bytes that were never touched.
fn may_be_asked_for() -> bool {
    WANTED.load(Ordering::Relaxed) && limit::get().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_left_unused() {
        for partition in Partition::all() {
            let slack = partition.segment_size().max(SIZE);
            assert!(!suit_segments(partition, 7 * slack) && suit_segments(partition, 32 * slack));
        }
        assert!(!suit_block(BLOCK - 1) && suit_block(BLOCK));
    }
}
