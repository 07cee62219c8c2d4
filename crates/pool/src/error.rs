//! What can be wrong with a configuration, and with a block that is given back.

use thiserror::Error;

/// A heap can't be divided as asked. Nothing was written to it.
///
/// Each assumption of the seed that input can break has its own (S0.2). Sizes are in bytes.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// There are no block sizes.
    #[error("no block sizes are given")]
    NoSizes,
    /// There are more block sizes than [`MAX_SIZES`](crate::MAX_SIZES).
    #[error("{count} block sizes are more than {limit}")]
    TooManySizes {
        /// The sizes given.
        count: usize,
        /// The most there may be.
        limit: usize,
    },
    /// A block size is zero.
    #[error("block size {index} is zero")]
    ZeroSize {
        /// Its place among the sizes.
        index: usize,
    },
    /// The sizes don't ascend.
    #[error("block size {index} is {size}, after {previous}: sizes must ascend")]
    Unsorted {
        /// The place of the smaller one among the sizes.
        index: usize,
        /// The smaller size.
        size: usize,
        /// The larger size before it.
        previous: usize,
    },
    /// A size is given twice.
    #[error("block size {index} is {size} again")]
    Duplicate {
        /// The place of the second one among the sizes.
        index: usize,
        /// The size.
        size: usize,
    },
    /// A block doesn't fit the part of the heap that its pool gets.
    #[error("a block of {size} bytes doesn't fit its pool's share of {share}")]
    TooLargeForShare {
        /// The block size.
        size: usize,
        /// The pool's share of the heap.
        share: usize,
    },
    /// The heap doesn't even hold the state, or not the counts asked for.
    #[error("a heap of {size} bytes is smaller than the {needed} needed")]
    HeapTooSmall {
        /// The heap's size.
        size: usize,
        /// The least that would do for what failed.
        needed: usize,
    },
    /// The heap is larger than the pool's offsets reach; see [`Wide`](crate::Wide).
    #[error("a heap of {size} bytes is larger than {limit}")]
    HeapTooLarge {
        /// The heap's size.
        size: usize,
        /// The largest size.
        limit: usize,
    },
    /// The heap's address isn't a multiple of the alignment.
    #[error("the heap lies {offset} bytes past a multiple of {align}")]
    HeapUnaligned {
        /// The address modulo the alignment.
        offset: usize,
        /// The alignment it must have.
        align: usize,
    },
    /// The alignment isn't a power of two up to [`MAX_ALIGN`](crate::MAX_ALIGN).
    #[error("alignment {align} is not a power of two from 1 to {limit}")]
    BadAlignment {
        /// The alignment given.
        align: usize,
        /// The largest one.
        limit: usize,
    },
    /// There isn't one weight, or count, for each size.
    #[error("{given} weights or counts are given for {sizes} block sizes")]
    WrongNumber {
        /// The weights or counts given.
        given: usize,
        /// The block sizes given.
        sizes: usize,
    },
    /// The weights sum to zero or to more than `u32::MAX`.
    #[error("the weights sum to {sum}, which is not from 1 to {}", u32::MAX)]
    BadWeights {
        /// Their sum.
        sum: u64,
    },
}

impl ConfigError {
    /// The kind of error in words, for a build that fails on it.
    pub(crate) const fn summary(self) -> &'static str {
        match self {
            Self::NoSizes => "pool: no block sizes are given",
            Self::TooManySizes { .. } => "pool: more than 248 block sizes",
            Self::ZeroSize { .. } => "pool: a block size is zero",
            Self::Unsorted { .. } => "pool: the block sizes must ascend",
            Self::Duplicate { .. } => "pool: a block size is given twice",
            Self::TooLargeForShare { .. } => "pool: a block doesn't fit its pool's share",
            Self::HeapTooSmall { .. } => "pool: the heap is too small for these pools",
            Self::HeapTooLarge { .. } => "pool: the heap is larger than offsets reach; use `Wide`",
            Self::HeapUnaligned { .. } => "pool: the heap is not aligned",
            Self::BadAlignment { .. } => "pool: the alignment is no power of two up to 4096",
            Self::WrongNumber { .. } => "pool: not one weight or count for each block size",
            Self::BadWeights { .. } => "pool: the weights sum to zero or overflow",
        }
    }
}

/// What is wrong with a pointer that should be freed. The pool is as it was.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FreeError {
    /// It points outside the blocks of this heap.
    #[error("not a pointer into any pool of this heap")]
    Foreign,
    /// It points inside a block.
    #[error("not the start of a block")]
    Interior,
    /// The block is free: freed before, or never allocated.
    #[error("the block is not in use")]
    NotInUse,
}
