//! What is timed: each function that the module exports is a workload, takes no arguments, and returns a sum that is the
//! same whatever the allocator.

#![no_std]

extern crate alloc;

mod blocks;
mod json;
mod random;
mod structures;

use stratalloc_wasm as _;
