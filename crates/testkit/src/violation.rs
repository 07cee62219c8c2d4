//! The ways in which an allocator can break its contract.

use std::alloc::Layout;

use thiserror::Error;

/// A breach of the contract of `Allocator` or of an extension trait, as seen from outside.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Violation {
    /// A block isn't aligned as its layout asks.
    #[error("the block at {address:#x} is not aligned for {layout:?}")]
    Misaligned {
        /// Where the block starts.
        address: usize,
        /// What was asked for.
        layout: Layout,
    },
    /// A block is smaller than its layout asks.
    #[error("the block at {address:#x} has {usable} bytes, too few for {layout:?}")]
    TooSmall {
        /// Where the block starts.
        address: usize,
        /// The length returned.
        usable: usize,
        /// What was asked for.
        layout: Layout,
    },
    /// Two live blocks share a byte.
    #[error("the block at {address:#x} of {usable} bytes overlaps the live one at {other:#x}")]
    Overlap {
        /// Where the new block starts.
        address: usize,
        /// Its usable bytes.
        usable: usize,
        /// Where the older block starts.
        other: usize,
    },
    /// A byte that must be zero isn't.
    #[error("byte {offset} of the block at {address:#x} is {found:#04x} and should be zero")]
    NotZeroed {
        /// Where the block starts.
        address: usize,
        /// The byte, counted from there.
        offset: usize,
        /// What it is.
        found: u8,
    },
    /// A byte of a live block changed, or was not carried over to where the block moved.
    #[error("byte {offset} of the block at {address:#x} is {found:#04x}, not {expected:#04x}")]
    ContentLost {
        /// Where the block starts.
        address: usize,
        /// The byte, counted from there.
        offset: usize,
        /// What the test wrote there.
        expected: u8,
        /// What it is.
        found: u8,
    },
    /// A request was refused that the allocator must serve, with so many blocks live.
    #[error("{layout:?} was refused with {live} live blocks")]
    Refused {
        /// What was asked for.
        layout: Layout,
        /// How many blocks were live.
        live: usize,
    },
    /// A request was served that nothing can serve.
    #[error("{layout:?} was served")]
    Served {
        /// What was asked for.
        layout: Layout,
    },
    /// Fewer equal blocks fit than once did, though all was given back in between.
    #[error("{before} blocks of {layout:?} fitted before, and {after} after all was given back")]
    Shrunk {
        /// What was asked for, time and again.
        layout: Layout,
        /// How many fitted at first.
        before: usize,
        /// How many fitted later.
        after: usize,
    },
    /// `UsableSize` returned fewer bytes than were returned or asked for.
    #[error("the block at {address:#x} has {told} usable bytes, after {returned} were returned")]
    UsableSize {
        /// Where the block starts.
        address: usize,
        /// What `usable_size` says.
        told: usize,
        /// The length returned with the block.
        returned: usize,
    },
    /// `Owns` is wrong about an address.
    #[error("owns({address:#x}) should be {expected}")]
    Owns {
        /// The address.
        address: usize,
        /// What is true.
        expected: bool,
    },
}
