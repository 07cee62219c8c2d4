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
//! [`ArenaHeap`] is a heap of one's own, for work that is thrown away in one step.
//!
//! [`profile`] tells which calls hold the process's memory.
//!
//! The layers, each a crate that stands alone, are here under their own names; every one of them
//! implements [`Allocator`](core::Allocator), and can stand on another.
//!
//! | module | what for |
//! |---|---|
//! | [`core`] | the contracts, size classes, errors |
//! | [`pages`] | memory from outside |
//! | [`block`] | blocks of one size |
//! | [`pool`] | a caller's heap divided among block sizes |
//! | [`heap`] | blocks of any size in one heap |
//! | [`arena`] | the thread-partitioned arenas under [`Stratalloc`] |

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(feature = "nightly", feature(allocator_api))]

mod global;

pub use global::Stratalloc;
pub use stratalloc_arena::{ArenaHeap, profile};

pub use stratalloc_arena as arena;
pub use stratalloc_block as block;
pub use stratalloc_core as core;
pub use stratalloc_heap as heap;
pub use stratalloc_pages as pages;
pub use stratalloc_pool as pool;
