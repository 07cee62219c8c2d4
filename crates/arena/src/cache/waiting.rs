//! A freed block that waits before it can be handed out again.

use core::ptr::null_mut;

use crate::plan::bins::Bin;

/// A freed block, or none.
#[derive(Clone, Copy)]
pub(crate) struct Waiting {
    /// Null for none.
    pub(crate) block: *mut u8,
    /// The bin of the slab that it lies in.
    pub(crate) bin: Bin,
}

impl Waiting {
    pub(super) const NONE: Self = Self { block: null_mut(), bin: Bin::NONE };

    pub(super) fn is_some(self) -> bool {
        !self.block.is_null()
    }

    /// Its bytes; none are zero.
    pub(super) fn size(self) -> usize {
        if self.is_some() { self.bin.shape().block_size as usize } else { 0 }
    }
}
