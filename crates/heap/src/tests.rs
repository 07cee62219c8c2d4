//! The heap under the conformance suite, faults, and the seeds' lines.

mod books;
mod bounds;
mod programs;
mod regions;
mod seeds;
mod suite;
mod touching;
mod traces;

use core::cell::Cell;
use std::{boxed::Box, ptr::NonNull, sync::Mutex, vec, vec::Vec};

use crate::{Heap, NoBase};

std::thread_local! {
    /// Accesses of this thread's heaps to their memory: bounds on them hold on every machine.
    pub(crate) static ACCESSES: Cell<usize> = const { Cell::new(0) };
}

/// What `run` answers, and the accesses that it took.
fn accesses<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = ACCESSES.get();
    let answer = run();
    (answer, ACCESSES.get() - before)
}

/// Memory of the tests' heaps: kept here, where a leak checker finds it.
static KEPT: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// `size` bytes that stay for as long as the tests run.
fn memory(size: usize) -> NonNull<u8> {
    let mut memory = vec![0_u8; size].into_boxed_slice();
    let start = NonNull::from(&mut memory[0]);
    KEPT.lock().unwrap().push(memory);
    start
}

/// A heap of `size` bytes without a base.
fn fixed(size: usize) -> Heap {
    let heap = Heap::new(NoBase);
    // SAFETY: the memory is kept for ever, and the heap's alone.
    assert!(unsafe { heap.add_region(memory(size), size) });
    heap
}
