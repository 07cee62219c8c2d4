//! Thread-partitioned arenas: a general-purpose allocator that finds the segment, arena and area of a block
//! by aligning its address.
//!
//! # What contains what
//!
//! ```text
//! window        64 GiB of address space at a multiple of 64 GiB; a table names the owner of each
//!   home          the cache and the heap of a thread, in the first window of a heap
//!   books         the state of the memory below, apart from the blocks
//!   partition p     of 8, at 256 MiB << p
//!     arena a         of 64
//!       segment s       of 64, each 64 KiB << p: a slab of blocks of one size class, or part of a large block
//!         block
//! ```
//!
//! The sizes of all but blocks are powers of two, so that the bits of an address name its window, partition, arena and
//! segment.
//! One load from a table of bytes tells a block's size class; the lines of it that a program uses stay in the first-level
//! cache.
//! The fast paths touch no block.
//!
//! # Three tiers
//!
//! | tier | what it has | who may touch it | why it is there |
//! |---|---|---|---|
//! | cache | a stack of addresses of free blocks for each class | its thread alone: no lock, no atomic operation | nearly every call ends here, after some fifteen instructions |
//! | heap | slabs, runs and whole arenas, and an inbox for frees by other threads | the thread that holds its lock; the inbox, any thread | takes and gives many blocks at once, so that the lock costs each of them little |
//! | process | the list of heaps, the owner of each block, the bounds on memory held and kept | any thread, by single words, or under a lock where a thread starts or ends | memory that a thread doesn't need any more serves another, or goes back |
//!
//! # What to call
//!
//! - [`global`] is the allocator of the process.
//! - [`ArenaHeap`] is a heap as a value, freed in one step.
//! - [`scope`] lets a future's containers find the heap of its request, and [`HeapPool`] bounds how many of these there
//!   are.
//! - [`Config`] sets how much memory is kept, for how long, and how much may be held; [`limit`] says why a request was
//!   refused.
//! - [`Census`], [`Stats`] and [`map`] show where the memory is.
//! - [`gauges`] shows that to other processes while the program runs.
//! - [`profile`] shows which calls hold it, [`tag`] for which part of the program, and [`address`] describes an address.
//! - [`SegmentPlace`] takes addresses apart.
//!
//! `docs/ARCHITECTURE.md` has a table of the rooms of this crate, and `docs/LIFE_OF_AN_ALLOCATION.md` goes through them with
//! one block.
//!
//! Linux with 64 bits only (x86-64, aarch64, riscv64), by way of `stratalloc_pages::os` and the C library's thread keys.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(feature = "nightly", feature(allocator_api))]
#![cfg_attr(loom, allow(dead_code, unused_imports, reason = "the models use a part of the crate"))]

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
mod plan;
#[cfg(not(loom))]
mod policy;
#[cfg(not(loom))]
mod process;
#[cfg(not(loom))]
mod sys;
mod thresholds;

/// What loom explores of the rooms: what threads share. The rest lives in statics, in which its atomics can't
/// stand.
#[cfg(loom)]
mod books {
    mod fenced {
        mod slots;
    }
    mod guard {
        mod standing;
    }
    pub(crate) mod owner;
    pub(crate) mod windows {
        mod entry;
        mod table;
    }
    mod zero_sized {
        mod blocks;
    }
}
#[cfg(loom)]
mod heap {
    pub(crate) mod inbox;
}
#[cfg(loom)]
mod inspect {
    mod gauges {
        #[cfg(test)]
        mod models;
        pub(crate) mod sequence;
    }
}
#[cfg(loom)]
mod policy {
    pub(crate) mod admission;
}
#[cfg(loom)]
mod process {
    mod thread {
        mod fork;
        mod idle;
        #[cfg(test)]
        mod models;
        mod process;
    }
}
#[cfg(loom)]
mod sys {
    pub(crate) mod lock;
}

/// The contracts that the types here keep, for programs that depend on this crate alone.
pub use stratalloc_core::{AllocError, Allocator};

#[cfg(not(loom))]
pub use books::broken::Broken;
#[cfg(not(loom))]
pub use face::{
    ArenaHeap, Config, HeapPool, NoHeap, PooledHeap, gauges, global, limit, profile, scope, tag,
};
#[cfg(not(loom))]
pub use inspect::{
    Census, Changes, ClassChanges, ClassFigures, Events, PartitionFigures, Stats, address, map,
    validate,
};
pub use plan::{AREA_SIZE, ARENAS, ArenaPlace, PARTITIONS, Partition, SEGMENTS, SegmentPlace};

/// The examples of the README, tested as documentation is.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
