//! The pools that are misused: local and shared ones, of blocks of one layout.

use stratalloc_block::{BlockAllocator, BlockLayout, Growth, SyncBlockAllocator};
use stratalloc_testkit::System;

pub(crate) const SIZE: usize = 48;
const GROWTH: Growth = Growth::fixed(4);

pub(crate) fn layout() -> BlockLayout {
    BlockLayout::new(SIZE, 16).unwrap()
}

pub(crate) fn local() -> BlockAllocator<System> {
    BlockAllocator::new_in(System, layout(), GROWTH)
}

pub(crate) fn shared() -> SyncBlockAllocator<System> {
    SyncBlockAllocator::new_in(System, layout(), GROWTH)
}
