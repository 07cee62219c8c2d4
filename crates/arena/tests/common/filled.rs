//! Blocks of the global allocator that are written to.

use stratalloc_arena::global;

/// A block of so many bytes, all of which were written to, so that there is memory behind it.
pub(crate) fn filled(size: usize) -> *mut u8 {
    let block = global::allocate(size, 8);
    assert!(!block.is_null());
    // SAFETY: just allocated, of this size.
    unsafe { block.write_bytes(0xee, size) };
    block
}

/// Frees a block, which tests do once.
pub(crate) fn free(block: *mut u8) {
    // SAFETY: the tests free each block once, and don't use it after.
    unsafe { global::deallocate(block) };
}
