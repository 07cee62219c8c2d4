//! Allocators made of others.
//!
//! - [`Fallback`]: one allocator, and another for what the first refuses.
//! - [`Segregate`]: one allocator for small blocks, and another for large ones.
//! - [`Counted`]: an allocator with figures: blocks, bytes, the peak, refusals.
//!
//! Each is an [`Allocator`] itself, so that they nest. Behind a lock of the
//! program's choice (`Locked` of [`stratalloc_core`]) each can be the global allocator.
//!
//! `no_std`, without `alloc`.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(feature = "nightly", feature(allocator_api))]

#[cfg(target_has_atomic = "ptr")]
mod counted;
mod fallback;
mod segregate;

/// The contracts that the types here keep, for those who depend on this crate alone.
pub use stratalloc_core;
pub use stratalloc_core::{AllocError, Allocator};

#[cfg(target_has_atomic = "ptr")]
pub use counted::{Counted, Counts};
pub use fallback::Fallback;
pub use segregate::Segregate;

/// The examples of the README, tested as documentation is.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
