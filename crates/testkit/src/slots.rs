//! The smallest allocator that knows its own blocks.

use std::{
    alloc::Layout,
    cell::{RefCell, UnsafeCell},
    ptr::NonNull,
};

use stratalloc_core::{
    AllocError, Allocator, FreeList, FreeUnsized, Owns, ResizeInPlace, UsableSize,
};

/// The size and the alignment of a slot, in bytes.
pub const SLOT: usize = 64;

/// One slot.
#[repr(align(64))]
struct Slot(UnsafeCell<[u8; SLOT]>);

/// A fixed number of slots of [`SLOT`] bytes, with every extension of the contract: a base for tests.
///
/// # Panics
///
/// Where it is given a block of another allocator.
pub struct Slots {
    memory: Box<[Slot]>,
    free: RefCell<FreeList>,
}

impl Slots {
    /// Makes `count` free slots.
    pub fn new(count: usize) -> Self {
        let memory: Box<[Slot]> = (0..count).map(|_| Slot(UnsafeCell::new([0; SLOT]))).collect();
        let mut free = FreeList::new();
        for slot in &memory {
            // SAFETY: the slot is ours, large and aligned enough, and used by nobody else.
            unsafe { free.push(NonNull::new_unchecked(slot.0.get()).cast()) };
        }
        Self { memory, free: free.into() }
    }
}

// SAFETY: each slot is either in the list or handed out once; an empty block has a slot like others.
unsafe impl Allocator for Slots {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() > SLOT || layout.align() > SLOT {
            return Err(AllocError);
        }
        let slot = self.free.borrow_mut().pop().ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(slot, SLOT))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, _: Layout) {
        assert!(self.owns(block), "a block of another allocator");
        // SAFETY: the block was live, so it is a slot that is in no list, and the caller gives it up.
        unsafe { self.free.borrow_mut().push(block) };
    }
}

// SAFETY: the range is that of all slots.
unsafe impl Owns for Slots {
    fn owns(&self, address: NonNull<u8>) -> bool {
        self.memory.as_ptr_range().contains(&address.as_ptr().cast_const().cast())
    }
}

// SAFETY: a block is a slot.
unsafe impl UsableSize for Slots {
    unsafe fn usable_size(&self, block: NonNull<u8>) -> usize {
        assert!(self.owns(block), "a block of another allocator");
        SLOT
    }
}

// SAFETY: a block is a slot, whatever its layout was.
unsafe impl ResizeInPlace for Slots {
    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        _: Layout,
        new: Layout,
    ) -> Result<(), AllocError> {
        assert!(self.owns(block), "a block of another allocator");
        if new.size() <= SLOT { Ok(()) } else { Err(AllocError) }
    }
}

impl FreeUnsized for Slots {
    unsafe fn free_unsized(&self, block: NonNull<u8>) {
        // SAFETY: the block is live; slots don't look at the layout.
        unsafe { self.deallocate(block, Layout::new::<u8>()) };
    }
}
