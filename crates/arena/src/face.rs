//! What a program calls.

mod arena_heap;
mod config;
pub mod global;
pub mod limit;

pub use arena_heap::ArenaHeap;
pub use config::Config;
