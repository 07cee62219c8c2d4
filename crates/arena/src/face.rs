//! What a program calls.

mod arena_heap;
mod config;
pub mod global;
pub mod limit;
pub mod profile;

pub use arena_heap::ArenaHeap;
pub use config::Config;
