//! The front door of the stratalloc allocators.
//!
//! [`Stratalloc`] is the global allocator, in one line of a program:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: stratalloc::Stratalloc = stratalloc::Stratalloc;
//!
//! let squares: Vec<u64> = (0..1000).map(|n| n * n).collect();
//! assert_eq!(squares[999], 998_001);
//! ```
//!
//! What else a program can do:
//!
//! | | |
//! |---|---|
//! | bound its memory, and hear of a refusal | [`arena::limit`] |
//! | choose what is kept, for how long, and whether huge pages are asked for | [`arena::Config`] |
//! | give back at once what serves nothing | [`arena::global::trim`] |
//! | throw work away in one step, in a heap of its own | [`ArenaHeap`] |
//! | give each request of a service a heap, which its containers find by themselves | [`scope`], [`HeapPool`] |
//! | count what lives, by size class | [`arena::Census`] |
//! | see which calls hold its memory | [`profile`] |
//! | know how much each of its parts, tasks or tenants holds, and limit that | [`tag`] |
//! | draw its memory | [`arena::map`] |
//! | say what an address is | [`arena::address`] |
//! | have wrong frees noticed at the call, at 2.5 times the instructions | the feature `checked` |
//! | have misuse of memory noticed, at 6 times the instructions | the feature `hardened` |
//! | have freed blocks wait besides, so that no other has their place at once | the feature `paranoid` |
//!
//! Outside of 64-bit Linux it is one heap behind a lock, or the system's allocator: [`Stratalloc::KIND`] says what,
//! and [docs/PLATFORMS.md](https://github.com/stratalloc/stratalloc/blob/main/docs/PLATFORMS.md) where that was tested.
//!
//! What stands in the table is there where the arenas are.
//!
//! The layers, each a crate that stands alone, are here under their own names; every one of them
//! implements [`Allocator`](core::Allocator), and can stand on another.
//!
//! | module | what for |
//! |---|---|
//! | [`core`] | the contracts, size classes, errors |
//! | [`compose`] | allocators made of others |
//! | [`pages`] | memory from outside |
//! | [`block`] | blocks of one size |
//! | [`pool`] | a caller's heap divided among block sizes |
//! | [`heap`] | blocks of any size in one heap |
//! | [`arena`] | the thread-partitioned arenas under [`Stratalloc`] |
//!
//! `block`, `compose`, `heap` and `pool` are features, on by default: a program that wants the global allocator alone
//! builds less with `default-features = false`.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(feature = "nightly", feature(allocator_api))]

#[cfg(kind = "system")]
extern crate std;

#[cfg(not(kind = "layers"))]
mod global;

#[cfg(not(kind = "layers"))]
pub use global::{Kind, Stratalloc};
#[cfg(kind = "arenas")]
#[doc(inline)]
pub use stratalloc_arena::{ArenaHeap, HeapPool, profile, scope, tag};

#[cfg(kind = "arenas")]
pub use stratalloc_arena as arena;
#[cfg(feature = "block")]
pub use stratalloc_block as block;
#[cfg(feature = "compose")]
pub use stratalloc_compose as compose;
pub use stratalloc_core as core;
#[cfg(feature = "heap")]
pub use stratalloc_heap as heap;
pub use stratalloc_pages as pages;
#[cfg(feature = "pool")]
pub use stratalloc_pool as pool;

// Its recipes use `hashbrown` and `spinning_top` beside what is here.
#[cfg(all(
    any(doc, doctest),
    feature = "block",
    feature = "compose",
    feature = "heap",
    feature = "pool"
))]
#[doc = include_str!("../COOKBOOK.md")]
pub mod cookbook {}

/// The examples of the README, tested as documentation is.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
