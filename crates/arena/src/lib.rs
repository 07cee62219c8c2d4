//! Thread-partitioned arenas: a general-purpose allocator that finds a block's parents by aligning its
//! address (seed 004).
//!
//! Each thread is at home in an *area* of 64 GiB of address space: 8 partitions of 64 arenas of 64
//! segments, the segments 64 KiB to 8 MiB large. A segment serves one size class, so that the address
//! of a block tells its heap, and its class by one load from a table that stays in the first-level
//! cache. The books lie apart from the blocks; neither allocating nor freeing touches a block.
//!
//! [`global`] is the allocator of the process. An [`ArenaHeap`] is a heap of one's own, thrown away in one
//! step. [`SegmentPlace`] is the arithmetic.
//!
//! Linux only, by way of `stratalloc_pages::os` and the C library's thread keys.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(feature = "nightly", feature(allocator_api))]
#![cfg_attr(loom, allow(dead_code, reason = "the models use a part of what is there"))]

// For the slot's `thread_local!`.
#[cfg(all(not(loom), not(all(target_arch = "x86_64", target_os = "linux", not(miri)))))]
extern crate std;

#[cfg(not(all(target_pointer_width = "64", target_os = "linux")))]
compile_error!("the arenas need the 47-bit address space of a 64-bit Linux");

// Loom explores the two structures that threads share; the rest lives in statics, which its atomics
// can't stand in.
mod admission;
mod batch;
mod lock;

#[cfg(not(loom))]
mod area;
#[cfg(not(loom))]
mod arena;
#[cfg(not(loom))]
mod arena_heap;
#[cfg(not(loom))]
mod background;
#[cfg(not(loom))]
mod bins;
#[cfg(not(loom))]
mod cache;
#[cfg(not(loom))]
mod census;
#[cfg(not(loom))]
mod config;
#[cfg(not(loom))]
mod decay;
#[cfg(not(loom))]
mod dirty;
#[cfg(not(loom))]
mod figures;
#[cfg(not(loom))]
mod geometry;
#[cfg(not(loom))]
pub mod global;
#[cfg(not(loom))]
mod grant;
#[cfg(not(loom))]
mod guard;
#[cfg(not(loom))]
mod heap;
#[cfg(not(loom))]
mod huge_pages;
#[cfg(not(loom))]
mod kind;
#[cfg(not(loom))]
mod large;
#[cfg(not(loom))]
pub mod limit;
#[cfg(not(loom))]
mod map;
#[cfg(not(loom))]
mod mappings;
#[cfg(not(loom))]
mod moving;
#[cfg(not(loom))]
mod poison;
#[cfg(not(loom))]
mod policy;
#[cfg(not(loom))]
mod pools;
#[cfg(not(loom))]
mod registry;
#[cfg(not(loom))]
mod relief;
#[cfg(not(loom))]
mod report;
#[cfg(not(loom))]
mod segment;
#[cfg(not(loom))]
mod slab_list;
#[cfg(not(loom))]
mod slot;
#[cfg(not(loom))]
mod stats;
#[cfg(not(loom))]
mod system;
#[cfg(not(loom))]
mod thread;
#[cfg(not(loom))]
mod values;

#[cfg(not(loom))]
pub use arena_heap::ArenaHeap;
#[cfg(not(loom))]
pub use census::{Census, ClassFigures, Events, PartitionFigures};
#[cfg(not(loom))]
pub use config::Config;
#[cfg(not(loom))]
pub use geometry::{AREA_SIZE, ARENAS, ArenaPlace, PARTITIONS, Partition, SEGMENTS, SegmentPlace};
#[cfg(not(loom))]
pub use map::map;
#[cfg(not(loom))]
pub use stats::Stats;

/// A heap as far as batches are concerned.
#[cfg(loom)]
mod heap {
    pub(crate) struct Heap;
}

/// The examples of the README, tested as documentation is.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
