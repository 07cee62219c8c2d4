//! Words of the heap's memory by address.
//!
//! # Safety
//!
//! A block may span two pieces of memory that the base gave separately and that proved adjacent,
//! so no single pointer reaches all of it: a heap exposes each piece that it takes, and turns
//! addresses into pointers by that exposed provenance.

use core::ptr::with_exposed_provenance_mut;

/// The value at `address`.
///
/// # Safety
///
/// `address` is aligned for `T` and lies in memory of the heap that holds a `T` and that no one
/// else writes.
#[inline(always)]
pub(crate) unsafe fn load<T: Copy>(address: usize) -> T {
    // SAFETY: the caller's promise.
    unsafe { with_exposed_provenance_mut::<T>(address).read() }
}

/// Stores a value at `address`.
///
/// # Safety
///
/// `address` is aligned for `T` and lies in memory of the heap that no one else uses.
#[inline(always)]
pub(crate) unsafe fn store<T: Copy>(address: usize, value: T) {
    // SAFETY: the caller's promise.
    unsafe { with_exposed_provenance_mut::<T>(address).write(value) }
}
