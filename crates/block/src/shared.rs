//! The block allocator of all threads: lock-free, in layers, of which loom explores the atomic ones.
//!
//! ```text
//! magazine   blocks of one thread          no atomic operation
//!    │       refills and drains by half
//!    │    shelf   a few blocks for threads without a magazine: one atomic operation
//!    ├────┘
//! depot      free blocks in several stacks, fresh ones behind them
//!    ├─ stack       index and tag in one word: one swap moves a whole batch
//!    └─ frontier    claims fresh blocks; grows, and waits for nobody
//! ```

mod depot;
mod frontier;
mod index;
mod shelf;
mod stack;

// What stands on raw memory is for the sanitizers and the stress tests.
#[cfg(not(loom))]
mod allocator;
#[cfg(not(loom))]
mod check;
#[cfg(not(loom))]
mod magazine;
#[cfg(all(test, not(loom)))]
mod stress;
#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(not(loom))]
pub use self::{allocator::SyncBlockAllocator, magazine::Magazine};
