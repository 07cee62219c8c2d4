//! What an arena heap can do besides allocating.

use crate::face::ArenaHeap;
use crate::{
    books::area::Area,
    cache::slot,
    inspect::stats::Stats,
    plan::{
        bins::Bin,
        geometry::{AREA_SIZE, SegmentPlace},
    },
    process::thread,
};
use core::{alloc::Layout, fmt, ptr::NonNull};
use stratalloc_core::{AllocError, FreeUnsized, Owns, ResizeInPlace, Trim, UsableSize};

// SAFETY: all blocks lie in areas of the heap, behind their books.
unsafe impl Owns for ArenaHeap {
    /// O(areas of the heap).
    fn owns(&self, address: NonNull<u8>) -> bool {
        let offset = address.addr().get() % AREA_SIZE;
        SegmentPlace::of_offset(offset).is_some()
            && self.heap().pools(slot::mark()).has(address.as_ptr())
    }
}

// SAFETY: a block has all the bytes of its slab's block size, or of its segments, for itself.
unsafe impl UsableSize for ArenaHeap {
    unsafe fn usable_size(&self, block: NonNull<u8>) -> usize {
        // SAFETY: the caller's promise.
        unsafe { crate::face::global::usable_size(block.as_ptr()) }
    }
}

// SAFETY: what `serves` has made sure of, by the block's bin or by its segments.
unsafe impl ResizeInPlace for ArenaHeap {
    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<(), AllocError> {
        if self.serves(block, old, new) { Ok(()) } else { Err(AllocError) }
    }
}

impl FreeUnsized for ArenaHeap {
    unsafe fn free_unsized(&self, block: NonNull<u8>) {
        // SAFETY: the caller's promise.
        match unsafe { Area::bin_of(block.as_ptr()) } {
            Bin::NONE => {
                // SAFETY: the caller's promise: the block lies in an area of this heap.
                let visit = unsafe { self.heap().free_large(slot::mark(), block.as_ptr()) };
                thread::see_to(visit);
            }
            bin => {
                if let Some(visit) = self.cache().free_local(slot::mark(), bin, block.as_ptr()) {
                    thread::see_to(visit);
                }
            }
        }
    }
}

impl stratalloc_core::Stats for ArenaHeap {
    type Snapshot = Stats;

    /// Of this heap alone, whose stock of free blocks goes back to its slabs before. O(segments in use).
    fn stats(&self) -> Stats {
        self.flush();
        Stats::of(&mut self.heap().pools(slot::mark()))
    }
}

impl Trim for ArenaHeap {
    /// O(segments in use).
    fn trim(&self) -> usize {
        self.flush();
        self.heap().trim(slot::mark()).0
    }
}

impl fmt::Debug for ArenaHeap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArenaHeap").field("home", &self.home).finish()
    }
}
