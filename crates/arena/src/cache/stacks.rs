//! The memory of a cache's stacks.
//!
//! They lie side by side in the order in which bins first need one, and are small at first, so that a thread with few
//! blocks of a few classes touches a page of them.

use core::{
    cell::UnsafeCell,
    ptr::null_mut,
    sync::atomic::{Ordering, compiler_fence},
};

use crate::{
    cache::Cache,
    heap::Heap,
    plan::{
        bins::{BINS, Bin, SHAPES, SMALL_BINS},
        geometry::NOWHERE,
    },
    sys,
    thresholds::FIRST_STACK,
};

/// Nulls below the first block of a stack.
const NULLS: usize = 2;

/// The slots of all stacks. Each has some more than it holds, for the nulls below its first block; and a bin may have
/// had a small one before that of its shape.
const STACK_SLOTS: usize = {
    let (mut slots, mut bin) = (0, 1);
    while bin < BINS {
        let full = SHAPES[bin].stack as usize;
        slots += full + NULLS;
        if full > FIRST_STACK {
            slots += FIRST_STACK + NULLS;
        }
        bin += 1;
    }
    slots
};

/// The memory of a cache's stacks, on lines of its own. All zero is that of a cache that was never opened.
#[repr(align(64))]
pub(crate) struct Stacks(UnsafeCell<[*mut u8; STACK_SLOTS]>);

// SAFETY: [CACHE-1: sole] only the thread whose cache has its stacks there touches it.
unsafe impl Sync for Stacks {}

/// The empty stack of bins that have none of their own yet.
struct NoStack(UnsafeCell<[*mut u8; NULLS]>);

// SAFETY: it is never written: no block is popped off an empty stack, and none pushed onto a full one.
unsafe impl Sync for NoStack {}

static NO_STACK: NoStack = NoStack(UnsafeCell::new([null_mut(); NULLS]));

/// The upper null of the empty stack.
pub(super) const fn no_stack() -> *mut *mut u8 {
    NO_STACK.0.get().cast::<*mut u8>().wrapping_add(NULLS - 1)
}

impl Cache {
    /// Makes a cache that no thread uses ready to serve blocks of a heap, with stacks of its own. It forgets the blocks that
    /// it held.
    pub(crate) fn open(&self, heap: &'static Heap, stacks: &'static Stacks) {
        self.stacks.set(stacks.0.get().cast());
        self.take_stacks();
        self.bins.iter().zip(&SMALL_BINS).for_each(|(own, &bin)| own.set(bin));
        self.outbox.forget();
        if let Some(quarantine) = self.quarantine.get() {
            quarantine.forget();
        }
        if !self.is_at_home() {
            self.home.set(NOWHERE);
        }
        self.heap.set(Some(heap));
    }

    /// Whether a bin has a stack.
    pub(super) fn has_stack(&self, bin: Bin) -> bool {
        self.limits[bin.index()].get() != no_stack()
    }

    /// The most blocks that the stack of a bin holds: none, a few at first, or as many as its shape has.
    pub(super) fn stack_size(&self, bin: Bin) -> usize {
        if self.has_stack(bin) { self.sizes[bin.index()].get() as usize } else { 0 }
    }

    /// Gives a bin its first stack, or a larger one with the blocks of the one that it has; returns whether it did. The
    /// cache has a heap.
    #[cold]
    pub(super) fn grow_stack(&self, bin: Bin) -> bool {
        let (blocks, full) = (self.stack(bin), bin.shape().stack as usize);
        let size = match self.stack_size(bin) {
            0 => full.min(FIRST_STACK),
            size if size < full => full,
            _ => return false,
        };
        let first = self.slots_given.get();
        self.slots_given.set(first + NULLS + size);
        // SAFETY: [CACHE-5: slots] there are slots for the stacks of all bins, and each bin comes here twice at most.
        unsafe {
            let stack = self.stacks.get().add(first);
            // Another stack may have lain here before.
            stack.write_bytes(0, NULLS);
            stack.add(NULLS).copy_from_nonoverlapping(blocks.as_ptr(), blocks.len());
            // A signal handler that ends the process here must find a stack, or none: see `check`.
            self.limits[bin.index()].set(no_stack());
            compiler_fence(Ordering::Release);
            self.tops[bin.index()].set(stack.add(NULLS - 1 + blocks.len()));
            self.sizes[bin.index()].set(size as u8);
            compiler_fence(Ordering::Release);
            self.limits[bin.index()].set(stack.add(NULLS - 1 + size));
        }
        true
    }

    /// Takes every stack back, and forgets the blocks in them.
    pub(super) fn take_stacks(&self) {
        for (top, limit) in self.tops.iter().zip(&self.limits) {
            limit.set(no_stack());
            top.set(no_stack());
        }
        self.slots_given.set(0);
    }

    /// Gives the memory behind its stacks back, if they were taken back.
    pub(crate) fn purge_stacks(&self) {
        let stacks = self.stacks.get();
        if stacks.is_null() || self.slots_given.get() != 0 {
            return;
        }
        let end = stacks.addr() + STACK_SLOTS * size_of::<*mut u8>();
        let start = sys::round_to_pages(stacks.addr());
        let size = (end & !(sys::round_to_pages(1) - 1)).saturating_sub(start);
        // SAFETY: [CACHE-5: slots] these are whole pages of the cache's slots, none of which a stack has.
        unsafe { sys::purge(stacks.cast::<u8>().wrapping_add(start - stacks.addr()), size) };
    }
}

/// A cache outside of any area, with its stacks. All zero is one that was never opened.
#[repr(C)]
pub(crate) struct CacheWithStacks {
    pub(super) cache: Cache,
    stacks: Stacks,
}

impl CacheWithStacks {
    /// As [`Cache::open`].
    pub(crate) fn open(&'static self, heap: &'static Heap) -> &'static Cache {
        self.cache.open(heap, &self.stacks);
        &self.cache
    }

    /// Maps one, for a thread that shares a heap.
    pub(crate) fn map() -> Option<&'static Self> {
        let memory = sys::map(size_of::<Self>()).ok()?;
        // SAFETY: fresh memory is zero, which is a cache never opened; it is never given back.
        Some(unsafe { memory.cast::<Self>().as_ref() })
    }
}
