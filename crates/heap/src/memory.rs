//! Words of the heap's memory by address.
//!
//! # Safety
//!
//! A block may span two pieces of memory that the base gave separately and that proved adjacent,
//! so no single pointer reaches all of it: a heap exposes each piece that it takes, and turns
//! addresses into pointers by that exposed provenance.

use core::ptr::{NonNull, with_exposed_provenance_mut};

use stratalloc_core::poison;

/// Returns the value at `address`.
///
/// Free memory is poisoned for `AddressSanitizer`; the heap may read and write it all the same.
///
/// # Safety
///
/// `address` is aligned for `T` and lies in memory of the heap that holds a `T` and that no one
/// else writes.
#[cfg_attr(not(asan), inline(always))]
#[cfg_attr(asan, inline(never), sanitize(address = "off"))]
pub(crate) unsafe fn load<T: Copy>(address: usize) -> T {
    access();
    // SAFETY: the address is aligned, and holds a `T` that no one else writes.
    unsafe { *with_exposed_provenance_mut::<T>(address) }
}

/// Stores a value at `address`.
///
/// # Safety
///
/// `address` is aligned for `T` and lies in memory of the heap that no one else uses.
#[cfg_attr(not(asan), inline(always))]
#[cfg_attr(asan, inline(never), sanitize(address = "off"))]
pub(crate) unsafe fn store<T: Copy>(address: usize, value: T) {
    access();
    // SAFETY: the address is aligned, and lies in memory that no one else uses.
    unsafe { *with_exposed_provenance_mut::<T>(address) = value }
}

/// These bytes serve nobody from here on: touching them is an error to `AddressSanitizer`.
#[inline(always)]
pub(crate) fn unused(address: usize, size: usize) {
    if cfg!(asan) {
        if let Some(start) = NonNull::new(with_exposed_provenance_mut(address)) {
            poison::poison(start, size);
        }
    }
}

/// These bytes are in use from here on.
#[inline(always)]
pub(crate) fn used(address: usize, size: usize) {
    if cfg!(asan) {
        if let Some(start) = NonNull::new(with_exposed_provenance_mut(address)) {
            poison::unpoison(start, size);
        }
    }
}

/// Counts an access to the heap's memory, in tests, which bound what a call does.
#[inline(always)]
pub(crate) fn access() {
    #[cfg(test)]
    crate::tests::ACCESSES.set(crate::tests::ACCESSES.get() + 1);
}
