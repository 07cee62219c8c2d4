//! Blocks of one size: the fastest allocator there is for things that are all alike.
//!
//! - [`BlockAllocator`]: for one thread. Cut from chunks of any base
//!   [`Allocator`], so it grows; or from a buffer, so it never does.
//! - [`SyncBlockAllocator`]: for all threads, lock-free; with a [`Magazine`] for each thread that
//!   wants the speed of the local one. For targets with 64-bit atomics.
//! - `Locked<R, BlockAllocator<A>>` (with feature `lock_api`): the local one behind any lock.
//! - [`Blocks`]: what they have in common. [`TypedBlocks`]: values of one type over any of them.
//!
//! ```
//! use core::{alloc::Layout, mem::MaybeUninit};
//! use stratalloc_block::{Allocator, BlockAllocator, BlockLayout};
//!
//! let mut memory = [MaybeUninit::uninit(); 1024];
//! let blocks = BlockAllocator::from_buffer(&mut memory, BlockLayout::new(64, 16)?)?;
//! let layout = Layout::new::<[u32; 12]>();
//! let block = blocks.allocate(layout)?;
//! // SAFETY: just allocated, with this layout.
//! unsafe { blocks.deallocate(block.cast(), layout) };
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `no_std`, without `alloc`. The questions that come with such an allocator (alignment, locality,
//! thread safety) are answered with measurements in the repository's `docs/BLOCK.md`.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(feature = "nightly", feature(allocator_api))]

#[cfg(any(test, loom))]
extern crate std;

mod allocator;
mod blocks;
mod buffer;
mod chunk;
mod error;
mod free_list;
mod growth;
mod layout;
mod local;
#[cfg(feature = "lock_api")]
mod locked;
#[cfg(target_has_atomic = "64")]
#[cfg_attr(loom, allow(dead_code, reason = "loom runs the layers below the raw memory"))]
mod shared;
mod stats;
#[cfg(test)]
mod test_base;
mod typed;

/// The contracts that the types here keep, for those who depend on this crate alone.
pub use stratalloc_core;
#[cfg(feature = "std")]
pub use stratalloc_core::System;
use stratalloc_core::poison;
pub use stratalloc_core::{AllocError, Allocator};

pub use blocks::Blocks;
pub use buffer::Buffer;
pub use error::{BlockError, FreeError};
pub use growth::Growth;
pub use layout::BlockLayout;
pub use local::BlockAllocator;
#[cfg(all(target_has_atomic = "64", not(loom)))]
pub use shared::{Magazine, SyncBlockAllocator};
pub use stats::BlockStats;
#[cfg(feature = "std")]
pub use typed::LocalBlocks;
#[cfg(all(feature = "std", target_has_atomic = "64", not(loom)))]
pub use typed::SharedBlocks;
pub use typed::{BlockBox, TypedBlocks};

/// The examples of the README, tested as documentation is.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
