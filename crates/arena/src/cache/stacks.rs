//! The memory of a cache's stacks.

use core::{cell::UnsafeCell, ptr::null_mut};

use crate::{
    cache::{Cache, NULLS},
    heap::Heap,
    plan::bins::{BINS, Bin, SHAPES},
    sys::{self},
};

/// The slots of all stacks: each has some more than it holds, for the nulls below its first block.
const STACK_SLOTS: usize = {
    let mut slots = NULLS;
    let mut bin = 1;
    while bin < BINS {
        slots += SHAPES[bin].stack as usize + NULLS;
        bin += 1;
    }
    slots
};

/// A cache with its stacks. All zero is one that was never opened.
#[repr(C)]
pub(crate) struct CacheWithStacks {
    pub(crate) cache: Cache,
    stacks: UnsafeCell<[*mut u8; STACK_SLOTS]>,
}

impl CacheWithStacks {
    /// Makes a cache that nobody uses ready to serve blocks of a heap. What it held is forgotten.
    pub(crate) fn open(&'static self, heap: &'static Heap) -> &'static Cache {
        let mut slot: *mut *mut u8 = self.stacks.get().cast();
        for bin in core::iter::once(Bin::NONE).chain(Bin::all()) {
            let size = if bin == Bin::NONE { 0 } else { bin.shape().stack as usize };
            // SAFETY: the slots of all bins add up to STACK_SLOTS.
            unsafe {
                slot = slot.add(NULLS - 1);
                self.cache.tops[bin.index()].set(slot);
                slot = slot.add(size);
                self.cache.limits[bin.index()].set(slot);
                slot = slot.add(1);
            }
        }
        self.cache.outbox.iter().for_each(|batch| batch.set(null_mut()));
        self.cache.heap.set(Some(heap));
        &self.cache
    }

    /// A cache outside of any area, for a thread that shares a heap.
    pub(crate) fn map() -> Option<&'static Self> {
        let memory = sys::map(size_of::<Self>()).ok()?;
        // SAFETY: fresh memory is zero, which is a cache never opened; it is never given back.
        Some(unsafe { memory.cast::<Self>().as_ref() })
    }
}
