//! Free blocks, which keep in their own bodies all that is said of them.
//!
//! ```text
//! | next | previous | size | …            … | size |
//! 0      8          16                   end - 8
//! ```

use crate::memory::{load, store};

/// Bytes of a link.
pub(crate) const WORD: usize = size_of::<usize>();

/// A free block: its address and its size in bytes. Size 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Free {
    pub(crate) address: usize,
    pub(crate) size: usize,
}

impl Free {
    pub(crate) const NONE: Self = Self { address: 0, size: 0 };

    /// Returns the address behind it.
    #[inline(always)]
    pub(crate) const fn end(self) -> usize {
        self.address + self.size
    }

    /// Returns the free block at an address.
    ///
    /// # Safety
    ///
    /// A free block starts there whose body is written [BINS-1].
    #[inline(always)]
    pub(crate) unsafe fn at(address: usize) -> Self {
        // SAFETY: the block is free memory of the heap [BINS-1].
        Self { address, size: unsafe { load(address + 2 * WORD) } }
    }

    /// Returns the free block that ends at an address.
    ///
    /// # Safety
    ///
    /// A free block ends there whose body is written [BINS-1].
    #[inline(always)]
    pub(crate) unsafe fn before(end: usize) -> Self {
        // SAFETY: the block is free memory of the heap [BINS-1].
        let size: usize = unsafe { load(end - WORD) };
        Self { address: end.wrapping_sub(size), size }
    }

    /// Writes the size into the body, at both ends.
    ///
    /// # Safety
    ///
    /// It is free memory of the heap.
    #[inline(always)]
    pub(crate) unsafe fn write_size(self) {
        // SAFETY: the block is free memory of the heap.
        unsafe {
            store(self.address + 2 * WORD, self.size);
            store(self.end() - WORD, self.size);
        }
    }
}
