//! Blocks of no bytes, in the hardened build: addresses that can't be read or written.
//!
//! Who uses the content of such a block ends the process at once. Elsewhere these blocks have a byte, as any other.
//!
//! # Invariants
//!
//! - [ZERO_SIZED-1: apart] The reserved address space is nobody else's, stays, and has no memory.

mod blocks;

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::{
    books::{guard, report, zero_sized::blocks::Blocks},
    sys,
};

/// Bytes from one block to the next: an alignment that each has.
const STRIDE: usize = 64;
/// Words of the blocks' bits. Four million blocks of no bytes are more than programs have; further ones have a byte.
const WORDS: usize = if guard::ON { 1 << 16 } else { 1 };
/// Bytes of address space: 256 MiB.
const SIZE: usize = WORDS * blocks::OF_WORD * STRIDE;

static BLOCKS: Blocks<WORDS> = Blocks::new();

/// The address of the first block; zero until one was asked for. `Relaxed`: nothing can be read there.
static START: AtomicUsize = AtomicUsize::new(0);

/// A block of no bytes at `align`; `None` if the address space is refused, none is free, or the alignment is more than
/// 4096.
///
/// A block that is freed waits until the others had their turn, so that a pointer that was kept too long isn't another
/// block's soon. O(1) where some are free, else O(blocks).
pub(crate) fn allocate(align: usize) -> Option<NonNull<u8>> {
    let start = start()?;
    let number = BLOCKS.take(align.div_ceil(STRIDE))?;
    NonNull::new(core::ptr::without_provenance_mut(start + number * STRIDE))
}

/// Whether an address lies in the reserved address space.
#[inline]
pub(crate) fn contains(address: *mut u8) -> bool {
    let start = START.load(Ordering::Relaxed);
    guard::ON && start != 0 && address.addr().wrapping_sub(start) < SIZE
}

/// Whether the program holds a block of no bytes that starts at an address that the reserved space contains.
pub(crate) fn is_held(address: *mut u8) -> bool {
    number_at(address).is_some_and(|number| BLOCKS.is_held(number))
}

/// Frees a block. The process ends with a report if the program doesn't hold one that starts there.
pub(crate) fn free(block: *mut u8) {
    if !number_at(block).is_some_and(|number| BLOCKS.give_back(number)) {
        report::zero_sized(block);
    }
}

/// Ends the process with a report unless the program holds a block of no bytes that starts there.
pub(crate) fn check_held(block: *mut u8) {
    if !is_held(block) {
        report::zero_sized(block);
    }
}

/// The number of the block that starts at an address that the reserved space contains, if one can.
fn number_at(address: *mut u8) -> Option<usize> {
    let offset = address.addr().wrapping_sub(START.load(Ordering::Relaxed));
    (offset % STRIDE == 0).then_some(offset / STRIDE)
}

/// The address of the first block; the address space is reserved if it wasn't.
fn start() -> Option<usize> {
    let known = START.load(Ordering::Relaxed);
    if known != 0 {
        return Some(known);
    }
    let fresh = sys::reserve(SIZE).ok()?;
    let start = fresh.addr().get();
    match START.compare_exchange(0, start, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => Some(start),
        Err(first) => {
            // SAFETY: just reserved, and nobody knows of it.
            unsafe { sys::unmap(fresh, SIZE) };
            Some(first)
        }
    }
}
