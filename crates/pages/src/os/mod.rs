//! What is asked of an operating system, one module a system.
//!
//! Every system offers these functions; `docs/PLATFORMS.md` says how to port to another.
//!
//! | function | what it does |
//! |---|---|
//! | `page_size` | the bytes of a page, a power of two |
//! | `reserve`, `map` | take address space somewhere, aligned; without memory, or readable and writable |
//! | `commit` | makes reserved bytes readable and writable; what they hold stays |
//! | `decommit` | gives the memory behind bytes back; they read as zero after the next `commit` |
//! | `unmap` | gives address space back |
//! | `wait`, `wake_one` | sleep over a word until another thread says so, or for a while |
//! | `this_thread` | a word that no other living thread has, apart from its two low bits |
//! | `watch_forks` | has functions called before each fork, and after it in both processes |
//!
//! Linux offers more, for the arenas.
//! WebAssembly has one stretch of memory, and offers `grow` in place of what is done with address space.

#[cfg(unix)]
mod aligned;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(all(unix, not(loom)))]
mod posix;
#[cfg(unix)]
mod start;
#[cfg(all(test, any(unix, windows), not(loom)))]
mod tests;
#[cfg(all(unix, not(target_os = "linux")))]
mod unix;
#[cfg(all(target_arch = "wasm32", not(unix)))]
mod wasm;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub use linux::*;
#[cfg(target_os = "linux")]
pub(crate) use linux::{protect_rw as commit, purge as decommit};
#[cfg(all(unix, not(loom)))]
pub(crate) use posix::{this_thread, watch_forks};
#[cfg(all(unix, not(target_os = "linux")))]
pub use unix::*;
#[cfg(all(target_arch = "wasm32", not(unix)))]
pub use wasm::*;
#[cfg(windows)]
pub use windows::*;
