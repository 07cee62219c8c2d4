//! What can be wrong with a block allocator's parameters, and with a block that comes back.

use thiserror::Error;

/// Parameters from which no block allocator can be made.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockError {
    /// An alignment that is not a power of two.
    #[error("an alignment of {align} is not a power of two")]
    Alignment {
        /// Alignment asked for, in bytes.
        align: usize,
    },
    /// A block that, rounded up to its alignment, exceeds `isize::MAX` bytes.
    #[error("a block of {size} bytes aligned to {align} exceeds the address space")]
    TooLarge {
        /// Size asked for, in bytes.
        size: usize,
        /// Alignment asked for, in bytes.
        align: usize,
    },
    /// A buffer in which, from its first aligned address on, not even one block fits.
    #[error("a buffer of {buffer} bytes has no room for an aligned block of {block} bytes")]
    BufferTooSmall {
        /// The buffer's size in bytes.
        buffer: usize,
        /// What one block needs there, in bytes.
        block: usize,
    },
}

/// Why a block can't be taken back.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FreeError {
    /// The address lies in none of the allocator's chunks.
    #[error("the address is foreign to this allocator")]
    Foreign,
    /// The address lies in a chunk, but no block starts there.
    #[error("no block starts at the address")]
    Interior,
    /// The block is free already, or was never handed out.
    #[error("the block is free already")]
    AlreadyFree,
}
