//! The layers behind [`Subject`].

use std::{
    alloc::{GlobalAlloc, Layout},
    mem::MaybeUninit,
    ptr::{self, NonNull},
};

use stratalloc::Stratalloc;
use stratalloc_block::{
    BlockAllocator, BlockLayout, Blocks, Buffer, Growth, Magazine, SyncBlockAllocator, System,
};
use stratalloc_core::{Allocator, Locked};
use stratalloc_heap::{Heap, NoBase};
use stratalloc_pool::{Bare, Checked, Config, Full, Mode, Pool};

use crate::{ALIGN, Subject};

/// The pool of this repository, in one of its modes.
pub struct OurPool<M: Mode>(Pool<'static, M>);

/// What a mode is called in tables.
pub trait Named: Mode {
    /// Its name.
    const NAME: &'static str;
    /// Its name where blocks are freed by address.
    const BY_ADDRESS: &'static str;
}

impl Named for Bare {
    const NAME: &'static str = "**pool, bare**";
    const BY_ADDRESS: &'static str = "**pool, bare, freed by address**";
}

impl Named for Checked {
    const NAME: &'static str = "**pool, checked**";
    const BY_ADDRESS: &'static str = "**pool, checked, freed by address**";
}

impl Named for Full {
    const NAME: &'static str = "**pool, checked and counted**";
    const BY_ADDRESS: &'static str = "**pool, checked and counted, freed by address**";
}

impl<M: Named> Subject for OurPool<M> {
    const NAME: &'static str = <M as Named>::NAME;

    fn new(memory: &'static mut [MaybeUninit<u8>], sizes: &[usize]) -> Self {
        Self(Pool::new(memory, &Config::new(sizes)).expect("the sizes suit the heap"))
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> *mut u8 {
        self.0.allocate(layout).map_or(ptr::null_mut(), |block| block.cast().as_ptr())
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe { self.0.deallocate(NonNull::new_unchecked(block), layout) };
    }
}

/// The same, by the calls that take no layout.
pub struct ByAddress<M: Mode>(Pool<'static, M>);

impl<M: Named> Subject for ByAddress<M> {
    const NAME: &'static str = <M as Named>::BY_ADDRESS;

    fn new(memory: &'static mut [MaybeUninit<u8>], sizes: &[usize]) -> Self {
        Self(OurPool::new(memory, sizes).0)
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> *mut u8 {
        self.0.malloc(layout.size()).map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: *mut u8, _: Layout) {
        // SAFETY: the block is live.
        let freed = unsafe { self.0.free(NonNull::new_unchecked(block)) };
        assert!(freed.is_ok());
    }
}

/// The heap of this repository, by the calls that take no layout.
pub struct OurHeap(Heap);

impl Subject for OurHeap {
    const NAME: &'static str = "**heap**";

    fn new(memory: &'static mut [MaybeUninit<u8>], _: &[usize]) -> Self {
        let heap = Heap::new(NoBase);
        // SAFETY: the memory is this heap's alone.
        let enough = unsafe { heap.add_region(NonNull::from(&mut *memory).cast(), memory.len()) };
        assert!(enough);
        Self(heap)
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> *mut u8 {
        self.0.malloc(layout.size())
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: *mut u8, _: Layout) {
        // SAFETY: the block is live.
        unsafe { self.0.free(block) };
    }
}

/// The arenas, as a program has them that names them its global allocator.
pub struct ArenaGlobal;

impl Subject for ArenaGlobal {
    const NAME: &'static str = "**front door**";

    fn new(_: &'static mut [MaybeUninit<u8>], _: &[usize]) -> Self {
        Self
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the layout's size isn't zero.
        unsafe { Stratalloc.alloc(layout) }
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe { Stratalloc.dealloc(block, layout) };
    }
}

/// The layout of blocks that hold the largest of the sizes.
fn block_layout(sizes: &[usize]) -> BlockLayout {
    let size = sizes.last().copied().unwrap_or(ALIGN);
    BlockLayout::new(size, ALIGN).expect("a valid layout")
}

/// How blocks that have no buffer of their own ask the system for memory.
const GROWTH: Growth = Growth::doubling(64, 100_000);

/// A kind of blocks.
macro_rules! blocks {
    ($(#[$doc:meta])* $name:ident, $blocks:ty, $title:literal, $new:expr) => {
        $(#[$doc])*
        pub struct $name($blocks);

        impl Subject for $name {
            const NAME: &'static str = $title;

            fn new(memory: &'static mut [MaybeUninit<u8>], sizes: &[usize]) -> Self {
                let new: fn(&'static mut [MaybeUninit<u8>], BlockLayout) -> $blocks = $new;
                Self(new(memory, block_layout(sizes)))
            }

            #[inline]
            fn allocate(&mut self, _: Layout) -> *mut u8 {
                self.0.alloc_block().map_or(ptr::null_mut(), NonNull::as_ptr)
            }

            #[inline]
            unsafe fn deallocate(&mut self, block: *mut u8, _: Layout) {
                // SAFETY: the block is live.
                unsafe { self.0.free_block(NonNull::new_unchecked(block)) };
            }
        }
    };
}

blocks!(
    /// Blocks of the largest size asked for, for one thread.
    Block, BlockAllocator<Buffer<'static>>, "**block**", |memory, layout| {
        BlockAllocator::from_buffer(memory, layout).expect("the blocks fit")
    }
);
blocks!(
    /// The same behind a lock.
    LockedBlock, Locked<parking_lot::RawMutex, BlockAllocator<System>>, "block behind `parking_lot`",
    |_, layout| Locked::new(BlockAllocator::new_in(System, layout, GROWTH))
);
blocks!(
    /// Blocks for all threads.
    SharedBlock, SyncBlockAllocator<System>, "**shared blocks**",
    |_, layout| SyncBlockAllocator::new_in(System, layout, GROWTH)
);
blocks!(
    /// A thread's magazine of blocks for all threads.
    MagazineBlock, Magazine<'static, System>, "**magazine of shared blocks**", |_, layout| {
        Box::leak(Box::new(SyncBlockAllocator::new_in(System, layout, GROWTH))).magazine()
    }
);
