//! What the build's level adds to blocks, for tests that look at where blocks lie, and how large they are.

#![allow(dead_code, reason = "a module of several tests")]

/// Whether blocks are sealed at their end, and large ones lie between guard pages: their memory serves again in its own
/// place alone, and comes in small pages.
pub(crate) const HARDENED: bool = cfg!(feature = "hardened");

/// The bytes that may wait in a thread's quarantine, with the memory of that.
pub(crate) const QUARANTINED: usize = if cfg!(feature = "paranoid") { 5 << 18 } else { 0 };

/// Bytes of a class's block that the program doesn't get.
pub(crate) const SEAL: usize = if HARDENED { 8 } else { 0 };

/// The smallest block in bytes.
pub(crate) const SMALLEST: usize = if cfg!(feature = "checked") { 16 } else { 8 };

/// The most bytes that a block of a class of `block` bytes holds; one if that is none.
pub(crate) const fn for_block_of(block: usize) -> usize {
    let size = block - SEAL;
    if size == 0 { 1 } else { size }
}
