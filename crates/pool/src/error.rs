//! What can be wrong with a configuration, and with a block that is given back.

use core::fmt;

use thiserror::Error;

use crate::message::Message;

/// A heap can't be divided as asked. Nothing was written to it.
///
/// Each assumption of the seed that input can break has its own (S0.2). Sizes are in bytes.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// There are no block sizes.
    NoSizes,
    /// There are more block sizes than [`MAX_SIZES`](crate::MAX_SIZES).
    TooManySizes {
        /// The sizes given.
        count: usize,
        /// The most there may be.
        limit: usize,
    },
    /// A block size is zero.
    ZeroSize {
        /// Its place among the sizes.
        index: usize,
    },
    /// The sizes don't ascend.
    Unsorted {
        /// The place of the smaller one among the sizes.
        index: usize,
        /// The smaller size.
        size: usize,
        /// The larger size before it.
        previous: usize,
    },
    /// A size is given twice.
    Duplicate {
        /// The place of the second one among the sizes.
        index: usize,
        /// The size.
        size: usize,
    },
    /// A block doesn't fit the part of the heap that its pool gets.
    TooLargeForShare {
        /// The block size.
        size: usize,
        /// The pool's share of the heap.
        share: usize,
    },
    /// The heap doesn't even hold the state, or not the counts asked for.
    HeapTooSmall {
        /// The heap's size.
        size: usize,
        /// The least that would do for what failed.
        needed: usize,
    },
    /// The heap is larger than the pool's offsets reach; see [`Wide`](crate::Wide).
    HeapTooLarge {
        /// The heap's size.
        size: usize,
        /// The largest size.
        limit: usize,
    },
    /// The heap's address isn't a multiple of the alignment.
    HeapUnaligned {
        /// The address modulo the alignment.
        offset: usize,
        /// The alignment it must have.
        align: usize,
    },
    /// The alignment isn't a power of two up to [`MAX_ALIGN`](crate::MAX_ALIGN).
    BadAlignment {
        /// The alignment given.
        align: usize,
        /// The largest one.
        limit: usize,
    },
    /// There isn't one weight, or count, for each size.
    WrongNumber {
        /// The weights or counts given.
        given: usize,
        /// The block sizes given.
        sizes: usize,
    },
    /// The weights sum to zero or to more than `u32::MAX`.
    BadWeights {
        /// Their sum.
        sum: u64,
    },
}

impl ConfigError {
    /// Returns the error in words behind a `prefix`: to be shown, and for a build that fails on it.
    pub(crate) const fn message(self, prefix: &str) -> Message {
        let start = Message::new().text(prefix);
        match self {
            Self::NoSizes => start.text("no block sizes are given"),
            Self::TooManySizes { count, limit } => {
                start.number(count).text(" block sizes are more than ").number(limit)
            }
            Self::ZeroSize { index } => start.text("block size ").number(index).text(" is zero"),
            Self::Unsorted { index, size, previous } => {
                let start = start.text("block size ").number(index).text(" is ").number(size);
                start.text(", after ").number(previous).text(": sizes must ascend")
            }
            Self::Duplicate { index, size } => {
                start.text("block size ").number(index).text(" is ").number(size).text(" again")
            }
            Self::TooLargeForShare { size, share } => {
                let start = start.text("a block of ").number(size);
                start.text(" bytes doesn't fit its pool's share of ").number(share)
            }
            Self::HeapTooSmall { size, needed } => {
                let start = start.text("a heap of ").number(size);
                start.text(" bytes is smaller than the ").number(needed).text(" needed")
            }
            Self::HeapTooLarge { size, limit } => {
                let start = start.text("a heap of ").number(size);
                let hint = if limit < u32::MAX as usize { "; see `Wide`" } else { "" };
                start.text(" bytes is larger than ").number(limit).text(hint)
            }
            Self::HeapUnaligned { offset, align } => {
                let start = start.text("the heap lies ").number(offset);
                start.text(" bytes past a multiple of ").number(align)
            }
            Self::BadAlignment { align, limit } => {
                let start = start.text("alignment ").number(align);
                start.text(" is not a power of two from 1 to ").number(limit)
            }
            Self::WrongNumber { given, sizes } => {
                let start = start.number(given).text(" weights or counts are given for ");
                start.number(sizes).text(" block sizes")
            }
            Self::BadWeights { sum } => {
                let start = start.text("the weights sum to ").wide_number(sum);
                start.text(", which is not from 1 to ").number(u32::MAX as usize)
            }
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.message("").as_str())
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

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn every_error_names_its_numbers() {
        for (error, words) in [
            (ConfigError::NoSizes, "no block sizes are given"),
            (
                ConfigError::TooManySizes { count: 249, limit: 248 },
                "249 block sizes are more than 248",
            ),
            (ConfigError::ZeroSize { index: 3 }, "block size 3 is zero"),
            (
                ConfigError::Unsorted { index: 1, size: 16, previous: 64 },
                "block size 1 is 16, after 64: sizes must ascend",
            ),
            (ConfigError::Duplicate { index: 1, size: 16 }, "block size 1 is 16 again"),
            (
                ConfigError::TooLargeForShare { size: 64, share: 60 },
                "a block of 64 bytes doesn't fit its pool's share of 60",
            ),
            (
                ConfigError::HeapTooSmall { size: 10, needed: 26 },
                "a heap of 10 bytes is smaller than the 26 needed",
            ),
            (
                ConfigError::HeapTooLarge { size: 65_537, limit: 65_536 },
                "a heap of 65537 bytes is larger than 65536; see `Wide`",
            ),
            (
                ConfigError::HeapUnaligned { offset: 4, align: 8 },
                "the heap lies 4 bytes past a multiple of 8",
            ),
            (
                ConfigError::BadAlignment { align: 24, limit: 4096 },
                "alignment 24 is not a power of two from 1 to 4096",
            ),
            (
                ConfigError::WrongNumber { given: 2, sizes: 3 },
                "2 weights or counts are given for 3 block sizes",
            ),
            (
                ConfigError::BadWeights { sum: u64::MAX },
                "the weights sum to 18446744073709551615, which is not from 1 to 4294967295",
            ),
        ] {
            assert_eq!(error.to_string(), words);
        }
    }
}
