//! Thread-partitioned arenas: a general-purpose allocator that finds a block's parents by aligning its
//! address (seed 004).
//!
//! Each thread is at home in an *area* of 64 GiB of address space: 8 partitions of 64 arenas of 64
//! segments, the segments 64 KiB to 8 MiB large. An arena serves one size class, so that the address
//! of a block tells its heap, and its class by one load from a table that stays in the first-level
//! cache. The books lie apart from the blocks; neither allocating nor freeing touches a block.
//!
//! [`global`] is the allocator of the process. [`SegmentPlace`] is the arithmetic.
//!
//! Linux only, by way of `stratalloc_pages::os` and the C library's thread keys.

#![cfg_attr(not(test), no_std)]

// For the slot's `thread_local!`.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
extern crate std;

#[cfg(not(all(target_pointer_width = "64", target_os = "linux")))]
compile_error!("the arenas need the 47-bit address space of a 64-bit Linux");

mod area;
mod arena;
mod batch;
mod bins;
mod cache;
mod dirty;
mod geometry;
pub mod global;
mod heap;
mod large;
mod lock;
mod pools;
mod registry;
mod report;
mod segment;
mod slot;
mod stats;
mod system;
mod thread;

pub use geometry::{AREA_SIZE, ARENAS, ArenaPlace, PARTITIONS, Partition, SEGMENTS, SegmentPlace};
pub use stats::Stats;
