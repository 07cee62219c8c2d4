//! Allocators with one fault each, which the suite must find.

use std::{
    alloc::Layout,
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    ptr::NonNull,
};

use stratalloc_core::{AllocError, Allocator, FreeUnsized, Owns, ResizeInPlace, UsableSize};

use crate::System;

/// What is wrong with an allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing is.
    None,
    /// Aligns to eight bytes whatever is asked.
    Misaligns,
    /// Hands out the block that it handed out before.
    Overlaps,
    /// Is a byte short from 1 KiB on.
    TooSmall,
    /// Doesn't clear what was used before.
    Dirty,
    /// Grows without clearing what is new.
    GrowsDirty,
    /// Moves a block without its content.
    Forgets,
    /// Takes the last byte of a block for its own books.
    Scribbles,
    /// Damages the block when it can't grow it.
    SpoilsOnFailure,
    /// Refuses one request in 97.
    Refuses,
    /// Refuses what is empty.
    RefusesEmpty,
    /// Serves the sum of size and alignment, which overflows to something small.
    Overflows,
    /// Loses one block each time it is full.
    Shrinks,
    /// Owns everything.
    OwnsAll,
    /// Knows the size of a block, but not all of it.
    UnderstatesSize,
    /// Says that it grew a block in place, and did not.
    PretendsToGrow,
}

/// An allocator with a fault. Its memory comes from the system's; each block is larger than it has
/// to be, so that no fault reaches foreign memory, and is kept until the allocator is dropped.
pub(crate) struct Broken {
    fault: Fault,
    /// Every block ever made, by address.
    blocks: RefCell<BTreeMap<usize, Made>>,
    /// Those that aren't live, by layout.
    spare: RefCell<HashMap<Layout, Vec<NonNull<u8>>>>,
    live: Cell<usize>,
    calls: Cell<usize>,
    capacity: Cell<usize>,
}

#[derive(Clone, Copy)]
struct Made {
    start: NonNull<u8>,
    /// Its layout in the system.
    layout: Layout,
    live: bool,
}

/// Bytes behind each block.
const MARGIN: usize = 64;

/// At most so many blocks are live at a time.
const CAPACITY: usize = 250;

impl Broken {
    pub(crate) fn new(fault: Fault) -> Self {
        Self {
            fault,
            blocks: RefCell::default(),
            spare: RefCell::default(),
            live: Cell::default(),
            calls: Cell::default(),
            capacity: Cell::new(CAPACITY),
        }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// Returns a block that was used before, or a new one.
    fn find(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        let mut blocks = self.blocks.borrow_mut();
        if self.is(Fault::Overlaps) && self.calls.get().is_multiple_of(50) {
            let same = blocks.values().find(|made| made.live && made.layout == layout);
            if let Some(made) = same {
                return Ok(made.start);
            }
        }
        if self.live.get() >= self.capacity.get() {
            if self.is(Fault::Shrinks) {
                self.capacity.set(self.capacity.get().saturating_sub(1));
            }
            return Err(AllocError);
        }
        let spare = self.spare.borrow_mut().get_mut(&layout).and_then(Vec::pop);
        let start = match spare {
            Some(start) => start,
            None => System.allocate_zeroed(layout)?.cast(),
        };
        self.live.set(self.live.get() + 1);
        blocks.insert(start.addr().get(), Made { start, layout, live: true });
        Ok(start)
    }

    /// Returns the layout of a block for `layout` in the system.
    fn inner(&self, layout: Layout) -> Result<Layout, AllocError> {
        let size = if self.is(Fault::Overflows) {
            let size = layout.size().wrapping_mul(2).wrapping_add(MARGIN);
            // What overflows is served with little; what doesn't, with its own.
            if size > layout.size() { layout.size() + MARGIN } else { MARGIN }
        } else {
            layout.size().checked_add(MARGIN).ok_or(AllocError)?
        };
        let align = if self.is(Fault::Misaligns) { 8 } else { layout.align() };
        Layout::from_size_align(size, align).map_err(|_| AllocError)
    }

    fn slice(&self, start: NonNull<u8>, size: usize) -> NonNull<[u8]> {
        let short = usize::from(self.is(Fault::TooSmall) && size >= 1024);
        let size =
            if self.is(Fault::Overflows) && size > isize::MAX as usize / 2 { 0 } else { size };
        NonNull::slice_from_raw_parts(start, size - short)
    }

    fn try_move(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let Ok(moved) = self.allocate(new) else {
            if self.is(Fault::SpoilsOnFailure) {
                // SAFETY: the block has at least its margin.
                unsafe { block.write_bytes(0, 1) };
            }
            return Err(AllocError);
        };
        if !self.is(Fault::Forgets) {
            let keep = old.size().min(new.size());
            // SAFETY: two blocks, each of at least this size.
            unsafe { moved.cast::<u8>().copy_from_nonoverlapping(block, keep) };
        }
        // SAFETY: the block is live, and `old` fits it.
        unsafe { self.deallocate(block, old) };
        Ok(moved)
    }
}

// SAFETY: without a fault, each block is one of the system's, kept until the allocator is dropped.
// With one the contract is broken, but never so that a test touches memory that isn't its own.
unsafe impl Allocator for Broken {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.calls.set(self.calls.get() + 1);
        let refuses = (self.is(Fault::Refuses) && self.calls.get().is_multiple_of(97))
            || (self.is(Fault::RefusesEmpty) && layout.size() == 0);
        if refuses {
            return Err(AllocError);
        }
        let start = self.find(self.inner(layout)?)?;
        Ok(self.slice(start, layout.size()))
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let block = self.allocate(layout)?;
        if !self.is(Fault::Dirty) {
            // SAFETY: a new block is ours to write.
            unsafe { block.cast::<u8>().write_bytes(0, block.len()) };
        }
        Ok(block)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, _: Layout) {
        let mut blocks = self.blocks.borrow_mut();
        let made = blocks.get_mut(&block.addr().get()).expect("a block of ours");
        if std::mem::take(&mut made.live) {
            self.spare.borrow_mut().entry(made.layout).or_default().push(made.start);
            self.live.set(self.live.get() - 1);
        }
        if self.is(Fault::Scribbles)
            && let Some(other) = blocks.values().find(|made| made.live && made.layout.size() > 200)
        {
            // SAFETY: the last byte that this live block's user was promised.
            unsafe { other.start.add(other.layout.size() - MARGIN - 1).write(0) };
        }
    }

    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        self.try_move(block, old, new)
    }

    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let moved = self.try_move(block, old, new)?;
        if !self.is(Fault::GrowsDirty) {
            let added = moved.len() - old.size().min(moved.len());
            // SAFETY: what lies past the old size is within the new block.
            unsafe { moved.cast::<u8>().add(moved.len() - added).write_bytes(0, added) };
        }
        Ok(moved)
    }

    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        self.try_move(block, old, new)
    }
}

// SAFETY: blocks are in the map for good; the faults are what the suite is to find.
unsafe impl Owns for Broken {
    fn owns(&self, address: NonNull<u8>) -> bool {
        let address = address.addr().get();
        let below = self.blocks.borrow().range(..=address).next_back().map(|(_, made)| *made);
        let lies_in =
            below.is_some_and(|made| address - made.start.addr().get() < made.layout.size());
        lies_in || self.is(Fault::OwnsAll)
    }
}

// SAFETY: less than there is harms nobody.
unsafe impl UsableSize for Broken {
    unsafe fn usable_size(&self, block: NonNull<u8>) -> usize {
        let usable = self.blocks.borrow()[&block.addr().get()].layout.size() - MARGIN;
        if self.is(Fault::UnderstatesSize) { usable / 2 } else { usable }
    }
}

// SAFETY: a size that stays is served; the fault is what the suite is to find.
unsafe impl ResizeInPlace for Broken {
    unsafe fn resize_in_place(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<(), AllocError> {
        if self.is(Fault::PretendsToGrow) {
            // SAFETY: the block's first byte.
            unsafe { block.write(0) };
            return Ok(());
        }
        if new.size() == old.size() { Ok(()) } else { Err(AllocError) }
    }
}

impl FreeUnsized for Broken {
    unsafe fn free_unsized(&self, block: NonNull<u8>) {
        let layout = self.blocks.borrow()[&block.addr().get()].layout;
        // SAFETY: the block is live; the layout is only looked at.
        unsafe { self.deallocate(block, layout) };
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        for made in self.blocks.borrow().values() {
            // SAFETY: allocated so in `find`, and given back nowhere else.
            unsafe { System.deallocate(made.start, made.layout) };
        }
    }
}
