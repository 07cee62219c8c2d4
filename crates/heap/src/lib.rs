//! A heap of segregated free lists: blocks of any size, without headers (seeds 001 and 003).
//!
//! ```text
//! heap:  | granule | granule | granule | granule | …        16 bytes each
//! tags:      B         0         0         1                 one bit each, in a table of their own
//!         └────────────── a block ──────────────┘
//! ```
//!
//! - A block's only overhead is a bit a granule (0.9 % with the marks), kept away from the blocks,
//!   where no overflow reaches it. A block's length is the distance to the next set bit; the bit B
//!   tells that of a block and the one before it, one is free. A free block keeps its links and its
//!   length in its own body. The file `tags.rs` has the details.
//! - Requests of at most 16 bytes share slabs of 63 cells (`cells.rs`).
//! - A freed short block waits in the quick list of its length (`quick.rs`). What enters is at most
//!   a sixteenth of the memory before it is *settled*, that is coalesced and filed in bins.
//! - Bins have one length each below 512 bytes, and then a sixteenth of a doubling (`bins.rs`). Small
//!   requests take the near end of a longer block, large ones the far end (`place.rs`).
//! - The *top* is the block used when no bin has one.
//!
//! `serve.rs` has the tree of calls.
//!
//! [`Heap`] is the whole of it; its choices are a [`Policy`]. `docs/HEAP.md` has what was measured.
//! `no_std`, without `alloc`.
//!
//! The base calls back into nothing here; a heap is no `Sync`: put it into
//! `stratalloc_core::Locked`.

#![no_std]
#![cfg_attr(feature = "nightly", feature(allocator_api))]
#![cfg_attr(asan, feature(sanitize))]

#[cfg(test)]
extern crate std;

mod bins;
mod corruption;
mod engine;
mod extent;
mod free;
mod heap;
mod list;
mod memory;
mod policy;
mod quick;
mod region;
mod seeds;
mod snapshot;
mod table;
mod tags;

#[cfg(test)]
mod tests;

pub use corruption::{Corruption, Problem};
pub use extent::{Extent, Kind};
pub use heap::{Heap, NoBase};
pub use policy::{Compact, Fit, Granule8, Order, Policy};
pub use snapshot::Snapshot;

/// The examples of the README, tested as documentation is.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
