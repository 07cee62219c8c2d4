//! Each allocator behind [`Subject`].

use std::{
    alloc::{GlobalAlloc, Layout},
    mem::MaybeUninit,
    ptr::{self, NonNull},
};

use heapless::pool::boxed::{Box as PoolBox, BoxBlock};

use crate::{HEAP, Subject};

type HeaplessBlock = MaybeUninit<[u8; 64]>;
heapless::box_pool!(BLOCKS: HeaplessBlock);

/// heapless's pool, of blocks of 64 bytes.
pub struct Heapless;

impl Subject for Heapless {
    const NAME: &'static str = "heapless::pool 0.9.3";

    fn new(_: &'static mut [MaybeUninit<u8>], _: &[usize]) -> Self {
        for _ in 0..HEAP / size_of::<BoxBlock<HeaplessBlock>>() {
            BLOCKS.manage(Box::leak(Box::new(BoxBlock::new())));
        }
        Self
    }

    #[inline]
    fn allocate(&mut self, _: Layout) -> *mut u8 {
        let block = BLOCKS.alloc(MaybeUninit::uninit());
        block.map_or(ptr::null_mut(), |block| PoolBox::into_raw(block).cast())
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: *mut u8, _: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        drop(unsafe { PoolBox::<BLOCKS>::from_raw(block.cast()) });
    }
}

/// rlsf's TLSF.
pub struct Rlsf(rlsf::Tlsf<'static, u16, u16, 16, 16>);

impl Subject for Rlsf {
    const NAME: &'static str = "rlsf 0.2.3";

    fn new(memory: &'static mut [MaybeUninit<u8>], _: &[usize]) -> Self {
        let mut tlsf = rlsf::Tlsf::new();
        tlsf.insert_free_block(memory);
        Self(tlsf)
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> *mut u8 {
        self.0.allocate(layout).map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe { self.0.deallocate(NonNull::new_unchecked(block), layout.align()) };
    }
}

/// A subject that is a `GlobalAlloc` of another crate, in a critical section of its own.
macro_rules! embedded {
    ($(#[$doc:meta])* $name:ident, $heap:ty, $title:literal) => {
        $(#[$doc])*
        pub struct $name($heap);

        impl Subject for $name {
            const NAME: &'static str = $title;

            fn new(memory: &'static mut [MaybeUninit<u8>], _: &[usize]) -> Self {
                let allocator = <$heap>::empty();
                // SAFETY: the heap is this allocator's alone.
                unsafe { allocator.init(memory.as_mut_ptr().expose_provenance(), memory.len()) };
                Self(allocator)
            }

            #[inline]
            fn allocate(&mut self, layout: Layout) -> *mut u8 {
                // SAFETY: the layout's size isn't zero.
                unsafe { self.0.alloc(layout) }
            }

            #[inline]
            unsafe fn deallocate(&mut self, block: *mut u8, layout: Layout) {
                // SAFETY: the block is live, and the layout fits it.
                unsafe { self.0.dealloc(block, layout) };
            }
        }
    };
}

embedded!(
    /// embedded-alloc's linked list, first fit, with its critical section.
    Llff, embedded_alloc::LlffHeap, "embedded-alloc 0.7.0, llff"
);
embedded!(
    /// embedded-alloc's TLSF, with its critical section.
    Tlsf, embedded_alloc::TlsfHeap, "embedded-alloc 0.7.0, tlsf"
);

/// The linked list without a lock.
pub struct LinkedList(linked_list_allocator::Heap);

impl Subject for LinkedList {
    const NAME: &'static str = "linked_list_allocator 0.10.6";

    fn new(memory: &'static mut [MaybeUninit<u8>], _: &[usize]) -> Self {
        Self(linked_list_allocator::Heap::from_slice(memory))
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> *mut u8 {
        self.0.allocate_first_fit(layout).map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe { self.0.deallocate(NonNull::new_unchecked(block), layout) };
    }
}

/// The buddy system without a lock.
pub struct Buddy(buddy_system_allocator::Heap<22>);

impl Subject for Buddy {
    const NAME: &'static str = "buddy_system_allocator 0.13.0";

    fn new(memory: &'static mut [MaybeUninit<u8>], _: &[usize]) -> Self {
        let mut buddy = buddy_system_allocator::Heap::new();
        // SAFETY: the heap is this allocator's alone.
        unsafe { buddy.init(memory.as_mut_ptr().expose_provenance(), memory.len()) };
        Self(buddy)
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> *mut u8 {
        self.0.alloc(layout).map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe { self.0.dealloc(NonNull::new_unchecked(block), layout) };
    }
}

/// talc without a lock; it is told sizes at free.
pub struct Talc(talc::base::Talc<talc::source::Manual, talc::DefaultBinning>);

impl Subject for Talc {
    const NAME: &'static str = "talc 5.1.1";

    fn new(memory: &'static mut [MaybeUninit<u8>], _: &[usize]) -> Self {
        let mut talc = talc::base::Talc::new(talc::source::Manual);
        // SAFETY: the memory is this allocator's alone.
        unsafe { talc.claim(memory.as_mut_ptr().cast(), memory.len()) }.expect("it is enough");
        Self(talc)
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the layout's size isn't zero.
        unsafe { self.0.allocate(layout) }.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe { self.0.deallocate(block, layout) };
    }
}

/// The system's.
pub struct System;

impl Subject for System {
    const NAME: &'static str = "system (glibc)";

    fn new(_: &'static mut [MaybeUninit<u8>], _: &[usize]) -> Self {
        Self
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the layout's size isn't zero.
        unsafe { std::alloc::System.alloc(layout) }
    }

    #[inline]
    unsafe fn deallocate(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe { std::alloc::System.dealloc(block, layout) };
    }
}
