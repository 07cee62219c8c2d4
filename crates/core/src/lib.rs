//! The vocabulary of the stratalloc allocators.
//!
//! - [`Allocator`]: the contract that every layer offers and can stand on; what it lacks is in the
//!   extension traits [`Owns`], [`UsableSize`], [`ResizeInPlace`], [`FreeUnsized`], [`Stats`] and
//!   [`Trim`].
//! - [`PageProvider`]: the contract with whatever memory comes from.
//! - `System` (with feature `std`): the operating system's allocator, as a base.
//! - `Locked` (with feature `lock_api`): an allocator behind a lock of the user's choice.
//! - [`SizeClass`]: which block size serves which request.
//! - [`FreeList`]: free blocks chained through their own first bytes.
//! - [`mod@ecosystem`]: both ways between [`Allocator`] and the traits that others use.
//! - [`diag`]: the last words of an allocator that finds its memory corrupt.
//! - [`sync`]: the one switch between loom and the real atomics.
//!
//! `no_std`, without `alloc`.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(feature = "nightly", feature(allocator_api))]

#[cfg(any(test, feature = "std", loom))]
extern crate std;

mod allocator;
pub mod diag;
pub mod ecosystem;
mod error;
mod extension;
mod free_list;
#[cfg(feature = "lock_api")]
mod locked;
mod page_provider;
pub mod poison;
mod size_class;
pub mod sync;

pub use allocator::{Allocator, empty_block, relocate, zero_rest};
#[cfg(feature = "std")]
pub use ecosystem::System;
pub use error::{AllocError, ProviderError};
pub use extension::{FreeUnsized, Owns, ResizeInPlace, Stats, Trim, UsableSize};
pub use free_list::{FreeList, FreeListError};
#[cfg(feature = "lock_api")]
pub use locked::{Locked, LockedGuard};
pub use page_provider::{PageProvider, PageRange};
pub use size_class::{CLASS_COUNT, MAX_CLASS_SIZE, SizeClass};

/// The examples of the README, tested as documentation is.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
