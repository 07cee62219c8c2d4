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
#![cfg_attr(
    loom,
    allow(dead_code, unused_imports, reason = "the models use a part of what is there")
)]

// For the slot's `thread_local!`.
#[cfg(all(not(loom), not(all(target_arch = "x86_64", target_os = "linux", not(miri)))))]
extern crate std;

#[cfg(not(all(target_pointer_width = "64", target_os = "linux")))]
compile_error!("the arenas need the 47-bit address space of a 64-bit Linux");

#[cfg(not(loom))]
mod books;
#[cfg(not(loom))]
mod cache;
#[cfg(not(loom))]
mod face;
#[cfg(not(loom))]
mod heap;
#[cfg(not(loom))]
mod inspect;
#[cfg(not(loom))]
mod plan;
#[cfg(not(loom))]
mod policy;
#[cfg(not(loom))]
mod process;
#[cfg(not(loom))]
mod sys;

/// What loom explores of the rooms: what threads share. The rest lives in statics, in which its atomics can't
/// stand.
#[cfg(loom)]
mod books {
    pub(crate) mod owner;
}
#[cfg(loom)]
mod heap {
    pub(crate) mod inbox;
}
#[cfg(loom)]
mod policy {
    pub(crate) mod admission;
}
#[cfg(loom)]
mod sys {
    pub(crate) mod lock;
}

#[cfg(not(loom))]
pub use face::{ArenaHeap, Config, global, limit};
#[cfg(not(loom))]
pub use inspect::{Census, ClassFigures, Events, PartitionFigures, Stats, map};
#[cfg(not(loom))]
pub use plan::{AREA_SIZE, ARENAS, ArenaPlace, PARTITIONS, Partition, SEGMENTS, SegmentPlace};

/// The examples of the README, tested as documentation is.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
