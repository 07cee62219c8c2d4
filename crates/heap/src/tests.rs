//! The heap under the conformance suite, faults, and the seeds' lines.

mod programs;
mod seeds;
mod suite;
mod touching;
mod traces;

use std::{boxed::Box, ptr::NonNull, sync::Mutex, vec, vec::Vec};

/// Memory of the tests' heaps: kept here, where a leak checker finds it.
static KEPT: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// `size` bytes that stay for as long as the tests run.
fn memory(size: usize) -> NonNull<u8> {
    let mut memory = vec![0_u8; size].into_boxed_slice();
    let start = NonNull::from(&mut memory[0]);
    KEPT.lock().unwrap().push(memory);
    start
}
