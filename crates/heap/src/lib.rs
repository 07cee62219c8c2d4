//! A heap of segregated free lists: blocks of any size, without headers.
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
//!   length in its own body.
//! - Requests of at most 16 bytes share slabs of 63 cells.
//! - A freed short block waits in the quick list of its length. At most a sixteenth of the memory
//!   waits before it is *consolidated*, that is coalesced and filed in bins.
//! - Bins have one length each below 512 bytes, and then a sixteenth of a doubling. Small requests
//!   take the near end of a longer block, large ones the far end, the largest again the near one.
//! - The *top* is the block used when no bin has one.
//!
//! [`Heap`] is the whole of it; its choices are a [`Policy`]. [`StaticHeap`] is a heap with its memory
//! for a `static`. [`HeaderHeap`] is a second heap in a tenth of the code. `docs/HEAP.md` has what was measured. `no_std`, without `alloc`.
//!
//! A heap is no `Sync`: put it into [`Locked`].
//!
//! # The files, each using only those before it
//!
//! | | |
//! |---|---|
//! | `memory`, `list`, `free` | words by address; lists through blocks; what a free block says of itself |
//! | `policy`, `extent`, `snapshot`, `corruption` | what may be chosen, and what is reported |
//! | `tags`, `region`, `table` | the bits of a region, and where they lie in it |
//! | `bins`, `quick` | free blocks by size; freed blocks by length |
//! | `engine` | the state of a heap, and all that is done to it in folders of its own: placement, slabs, consolidation, release, resize, regions; liveness, walk, check |
//! | `heap` | what users see: requests (with the tree of calls), the base, the contracts, C's calls |
//! | `headers` | the heap with headers: `block`, `bins`, `engine`, `resize` |
//! | `seeds` | the names of exercises |

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
mod headers;
mod heap;
mod list;
mod memory;
mod policy;
mod quick;
mod region;
pub mod seeds;
mod snapshot;
mod table;
mod tags;

#[cfg(test)]
mod tests;

/// The contracts that the types here keep, for those who depend on this crate alone.
pub use stratalloc_core;
#[cfg(feature = "lock_api")]
pub use stratalloc_core::Locked;
pub use stratalloc_core::{AllocError, Allocator};

pub use corruption::{Corruption, Problem};
pub use extent::{Extent, Kind};
pub use headers::HeaderHeap;
#[cfg(feature = "lock_api")]
pub use heap::StaticHeap;
pub use heap::{Heap, NoBase};
pub use policy::{Bounded, Compact, Fit, Granule8, MOST_WAITING, Order, Policy};
/// With a glob import the calls of exercises are methods too.
#[doc(no_inline)]
pub use seeds::{MemAlloc as _, MyAlloc as _};
pub use snapshot::Snapshot;

/// The examples of the README, tested as documentation is.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
