//! The tunable block pool: a caller's heap divided among block sizes, all state inside that heap.
//!
//! - [`Pool`]: the allocator, in a heap that the caller lends it.
//! - [`Config`]: block sizes, how the heap is split among them, alignment.
//! - [`Mode`]: which books are kept: live bits, counters, spilling, 32-bit offsets.
//!
//! ```
//! use core::{alloc::Layout, mem::MaybeUninit};
//! use stratalloc_pool::{Allocator, Config, Pool};
//!
//! let mut memory = vec![MaybeUninit::uninit(); 4096];
//! let pool: Pool = Pool::new(&mut memory, &Config::new(&[16, 64, 256]))?;
//! let layout = Layout::new::<[u32; 12]>();
//! let block = pool.allocate(layout)?;
//! // SAFETY: just allocated, with this layout.
//! unsafe { pool.deallocate(block.cast(), layout) };
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `no_std`, without `alloc`. Labels of the form S0.1 name requirements, which `docs/SEEDS.md` in the
//! repository lists with their tests.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(feature = "nightly", feature(allocator_api))]

#[cfg(any(test, feature = "c-hosted"))]
extern crate std;

#[cfg(feature = "c")]
pub mod c_face;

mod allocator;
mod config;
#[cfg(feature = "critical-section")]
mod critical;
mod error;
mod exclusion;
mod geometry;
mod map;
mod message;
pub mod mode;
mod plan;
mod pool;
mod record;
mod room;
mod sizing;
mod state;
mod static_pool;
mod stats;
mod tiny;
mod tuned;
mod validate;
mod word;

/// The contracts that the types here keep, for those who depend on this crate alone.
pub use stratalloc_core;
pub use stratalloc_core::{AllocError, Allocator};

pub use config::{Config, MAX_ALIGN, MAX_SIZES, Split};
#[cfg(feature = "critical-section")]
pub use critical::CriticalSectionLock;
pub use error::{ConfigError, FreeError};
pub use exclusion::Exclusion;
pub use map::Map;
pub use mode::{Bare, Checked, Counted, Full, Mode, Spilling, Wide};
pub use pool::Pool;
pub use static_pool::StaticPool;
pub use stats::{Counts, HeapStats, PoolStats};
pub use tuned::{Demand, Tuned};
pub use validate::Corruption;
pub use word::Word;

/// The examples of the README, tested as documentation is.
#[cfg(all(doctest, feature = "critical-section"))]
#[doc = include_str!("../README.md")]
struct Readme;
