//! Memory from outside: what the other layers stand on.
//!
//! - [`Mmap`]: an operating system's pages (feature `hosted`), and [`os`], its system calls one by
//!   one.
//! - `LinearMemory`, on WebAssembly: its memory as a base for a heap (feature `hosted`).
//! - [`FixedRegion`]: a region that the caller owns, for machines without a system.
//! - [`MemBlocks`]: a kernel's runs of 4096-byte blocks, freed by their address alone, over either;
//!   [`kernel`] holds the one of the process.
//! - [`lock`]: the lock of the layers that have a system, which waits in its kernel; [`ProcessLock`] is one
//!   that a fork takes too.
//!
//! `no_std`, without `alloc`.
//!
//! ```
//! use stratalloc_core::PageProvider;
//! use stratalloc_pages::Mmap;
//!
//! let page = Mmap.page_size();
//! let range = Mmap.reserve(16 * page, page)?;
//! Mmap.commit(&range, 0, page)?;
//! // SAFETY: the first page is committed and ours; nothing is used after the release.
//! unsafe {
//!     range.start().write(1);
//!     Mmap.release(range).map_err(|(error, _)| error)?;
//! }
//! # Ok::<(), stratalloc_core::ProviderError>(())
//! ```

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(test)]
extern crate std;

mod bits;
mod fixed_region;
// Its lock is a static, where loom's can't stand.
#[cfg(any(test, all(feature = "hosted", target_arch = "wasm32", not(unix))))]
mod kept;
#[cfg(all(feature = "hosted", any(unix, windows), not(loom)))]
pub mod kernel;
#[cfg(all(feature = "hosted", target_arch = "wasm32", not(unix)))]
mod linear_memory;
#[cfg(all(feature = "hosted", any(unix, windows, target_arch = "wasm32")))]
pub mod lock;
mod mem_blocks;
#[cfg(all(feature = "hosted", any(unix, windows)))]
mod mmap;
#[cfg(all(feature = "hosted", any(unix, windows, target_arch = "wasm32")))]
pub mod os;
#[cfg(all(feature = "hosted", any(unix, windows, target_arch = "wasm32"), not(loom)))]
mod process_lock;
mod request;
pub mod seeds;

/// The contract that the types here keep, for those who depend on this crate alone.
pub use stratalloc_core;
pub use stratalloc_core::{PageProvider, PageRange, ProviderError};

pub use fixed_region::FixedRegion;
#[cfg(all(feature = "hosted", target_arch = "wasm32", not(unix)))]
pub use linear_memory::LinearMemory;
pub use mem_blocks::{MEM_BLOCK_SIZE, MemBlocks};
#[cfg(all(feature = "hosted", any(unix, windows)))]
pub use mmap::Mmap;
#[cfg(all(feature = "hosted", any(unix, windows, target_arch = "wasm32"), not(loom)))]
pub use process_lock::{ProcessLock, ProcessWide};

/// The examples of the README, tested as documentation is.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
