//! Heaps to test in, and what the tests do again and again.

#![allow(dead_code, reason = "each test file uses its part")]

use std::{mem::MaybeUninit, ptr::NonNull};

use stratalloc_pool::{FreeError, Mode, Pool};

/// The seed's heap.
pub(crate) const SEED_HEAP: usize = 65_536;

/// The memory of a heap, aligned to 4096.
pub(crate) struct Memory(Vec<Page>, usize);

#[derive(Clone)]
#[repr(align(4096))]
struct Page(#[allow(dead_code, reason = "read through the slice")] [MaybeUninit<u8>; 4096]);

impl Memory {
    pub(crate) fn new(size: usize) -> Self {
        Self(vec![Page([MaybeUninit::uninit(); 4096]); size.div_ceil(4096)], size)
    }

    pub(crate) fn bytes(&mut self) -> &mut [MaybeUninit<u8>] {
        let start = self.0.as_mut_ptr().cast::<MaybeUninit<u8>>();
        // SAFETY: the pages are this many bytes at least, borrowed for as long as the slice.
        unsafe { std::slice::from_raw_parts_mut(start, self.1) }
    }
}

/// Allocates blocks of `size` until there are none.
pub(crate) fn fill<M: Mode>(pool: &Pool<'_, M>, size: usize) -> Vec<NonNull<u8>> {
    std::iter::from_fn(|| pool.malloc(size)).collect()
}

/// Frees a block that the test doesn't use any more, or a pointer that is wrong.
pub(crate) fn free<M: Mode>(pool: &Pool<'_, M>, block: NonNull<u8>) -> Result<(), FreeError> {
    // SAFETY: the tests use no block after they freed it; the rest is the pool's to find.
    unsafe { pool.free(block) }
}

/// Frees blocks that the test doesn't use any more.
pub(crate) fn free_all<M: Mode>(pool: &Pool<'_, M>, blocks: Vec<NonNull<u8>>) {
    for block in blocks {
        free(pool, block).unwrap();
    }
}

/// Writes all of a block.
pub(crate) fn paint(block: NonNull<u8>, size: usize, color: u8) {
    // SAFETY: the caller holds the block, of so many bytes.
    unsafe { block.write_bytes(color, size) };
}

/// Whether all of a block is as it was painted.
pub(crate) fn is_painted(block: NonNull<u8>, size: usize, color: u8) -> bool {
    // SAFETY: the caller holds the block, and painted it.
    unsafe { std::slice::from_raw_parts(block.as_ptr(), size) }.iter().all(|&byte| byte == color)
}
