//! The process-wide arenas as the test program's own allocator.

use std::alloc::{GlobalAlloc, Layout};

use stratalloc_arena::global;

struct Arenas;

// SAFETY: `global` keeps the contract of `GlobalAlloc`.
unsafe impl GlobalAlloc for Arenas {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        global::allocate(layout.size(), layout.align())
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is live and of this layout, by the contract of `GlobalAlloc`.
        unsafe { global::deallocate_sized(block, layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        global::allocate_zeroed(layout.size(), layout.align())
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the block is live and of this layout, by the contract of `GlobalAlloc`.
        unsafe { global::reallocate(block, size, layout.align()) }
    }
}

#[global_allocator]
static ARENAS: Arenas = Arenas;
