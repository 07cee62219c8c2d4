//! Where huge pages are asked for: where what they may leave unused is little beside what is held.
//!
//! A huge page is faulted in at a sixth of the cost of the pages it stands for, and spares the processor most
//! of its look-ups. But the first byte touched brings all of it.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::{plan::geometry::Partition, policy::grant};

/// Bytes of a huge page, on most machines.
const SIZE: usize = 2 << 20;
/// A heap's segments come in huge pages once it holds so many times what one slab may leave unused of them, and so
/// many bytes: from 16 MiB on they cost programs of some dozens of them a fifth of their memory.
const SHARE: usize = 32;
const HELD: usize = 32 * SIZE;
/// The least whole block to come in huge pages, and what its heap holds at least, the block among it: a
/// program may touch little at either end of a buffer.
const BLOCK: usize = 4 * SIZE;
const BLOCK_HELD: usize = 16 * SIZE;

/// What is chosen. Read anew each time: `Relaxed`.
static WANTED: AtomicBool = AtomicBool::new(true);

/// Says whether any are to be asked for.
pub(crate) fn set(wanted: bool) {
    WANTED.store(wanted, Ordering::Relaxed);
}

/// Whether a heap that holds so many bytes should have its next segments of a partition in huge pages.
pub(crate) fn suit_segments(partition: Partition, held: usize) -> bool {
    held >= (partition.segment_size() * SHARE).max(HELD) && may_be_asked_for()
}

/// Whether a whole block of so many bytes should be in huge pages, in a heap that holds so many besides.
pub(crate) fn suit_block(size: usize, held: usize) -> bool {
    size >= BLOCK && size + held >= BLOCK_HELD && may_be_asked_for()
}

/// Not under a limit: it couldn't count what lies behind bytes that were never touched.
fn may_be_asked_for() -> bool {
    WANTED.load(Ordering::Relaxed) && grant::limit().is_none()
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
        assert!(!suit_block(BLOCK, 0) && !suit_block(BLOCK - 1, BLOCK_HELD));
        assert!(suit_block(BLOCK_HELD, 0) && suit_block(BLOCK, BLOCK_HELD));
    }
}
