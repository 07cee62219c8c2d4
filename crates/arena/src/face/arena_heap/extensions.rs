//! The extension traits of an arena heap.

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

// SAFETY: all blocks lie in areas of the heap, behind the books, and no others do.
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
        // SAFETY: the block is live, by the contract of [`UsableSize`].
        unsafe { crate::face::global::usable_size(block.as_ptr()) }
    }
}

// SAFETY: `serves` makes sure that the block holds the new layout, by its bin or its segments.
unsafe impl ResizeInPlace for ArenaHeap {
    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<(), AllocError> {
        // SAFETY: the block is live, of this heap and of the layout `old`, by the contract of [`ResizeInPlace`].
        if unsafe { self.serves(block, old, new) } { Ok(()) } else { Err(AllocError) }
    }
}

impl FreeUnsized for ArenaHeap {
    unsafe fn free_unsized(&self, block: NonNull<u8>) {
        // SAFETY: the block lies in an area of this heap, by the contract of [`FreeUnsized`].
        match unsafe { Area::bin_of(block.as_ptr()) } {
            Bin::NONE => {
                // SAFETY: the block lies in an area of this heap, by the contract of [`FreeUnsized`].
                let visit = unsafe { self.heap().free_large(slot::mark(), block.as_ptr()) };
                thread::see_to(visit);
            }
            bin => {
                let (cache, mark) = (self.cache(), slot::mark());
                // SAFETY: by [AREA-2: tiles] the block lies in a slab of this bin of this heap; it is given up, by the
                // contract of [`FreeUnsized`].
                if let Some(visit) = unsafe { cache.free_local(mark, bin, block.as_ptr()) } {
                    thread::see_to(visit);
                }
            }
        }
    }
}

impl stratalloc_core::Stats for ArenaHeap {
    type Snapshot = Stats;

    /// Counts this heap alone. The blocks in its stacks go back to their slabs before. O(segments in use).
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
