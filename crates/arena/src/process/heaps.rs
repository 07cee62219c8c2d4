//! The heaps of the process, one after another.

use crate::{books::windows, heap::Heap};

/// Every heap of threads, those of ended ones among them, from a starting point on.
pub(crate) fn of_threads(from: usize) -> impl Iterator<Item = &'static Heap> {
    // SAFETY: [WINDOWS-1: stay] threads' heaps were opened, and live as long as the process.
    windows::threads(from).map(|owner| unsafe { Heap::of(owner) })
}

/// Every arena heap, those kept for the next among them.
///
/// # Safety
///
/// The caller holds the lock of [`arena_heaps`](crate::process::arena_heaps) for as long as it uses them.
pub(crate) unsafe fn of_values() -> impl Iterator<Item = &'static Heap> {
    // SAFETY: the lock is held while they are used, by this function's contract: [VALUES-1: found] they stay.
    windows::values().map(|owner| unsafe { Heap::of(owner) })
}
