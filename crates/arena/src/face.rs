//! What a program calls.

mod arena_heap;
mod config;
pub mod gauges;
pub mod global;
mod heap_pool;
pub mod limit;
pub mod profile;
pub mod scope;
pub mod tag;

pub use arena_heap::ArenaHeap;
pub use config::Config;
pub use heap_pool::{HeapPool, NoHeap, PooledHeap};
