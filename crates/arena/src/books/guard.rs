//! Hardening: checks of each allocation and free of a small block, with the feature `hardened`. Without it they compile
//! to nothing, and the books have no room for them.
//!
//! - Each block has a bit that is set while the program holds the block. So the call that frees a block twice, or an
//!   address that is no block, is noticed in whichever thread.
//! - The margin between the size asked for and the block's end is filled, and sealed by a word that depends on the
//!   address and on the process. So a byte written past the end is noticed at the free.
//! - A freed block is filled, so that a use after the free reads nothing that makes sense.
//!
//! There is no fast path then. Blocks of arena heaps aren't checked.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::{
    books::{
        area::{Area, HAS_HELD, held_words},
        report,
        slab::BadFree,
    },
    plan::{bins::Bin, geometry::SegmentPlace},
    sys,
};

/// Whether blocks are checked.
pub(crate) const ON: bool = HAS_HELD;

/// Bytes of a block that its seal takes.
pub(crate) const SEAL: usize = if ON { size_of::<u64>() } else { 0 };

/// What fills the bytes between a block's size and its seal.
const MARGIN: u8 = 0xc5;
/// What fills a freed block.
const FREED: u8 = 0xdf;
/// The bits of a seal that hold the margin's length.
const LENGTH: u64 = 0xffff;

/// The word and bit of a block. `Relaxed` throughout: a thread that frees a block has it from the thread that allocated
/// it.
fn bit(bin: Bin, block: *mut u8) -> (&'static AtomicU64, u64) {
    let shape = bin.shape();
    let segment = SegmentPlace::in_partition(block.addr(), shape.partition);
    let number = shape.block_at(block.addr() & (shape.partition.segment_size() - 1));
    // SAFETY: the block's bin is that of its tile: [AREA-2: tiles] the segment serves as a slab. Areas of threads stay
    // ([WINDOWS-1: stay]).
    let words = unsafe { held_words(Area::containing(block), segment) };
    (&words[number / 64], 1 << (number % 64))
}

/// The address of a block's seal.
fn seal_place(bin: Bin, block: *mut u8) -> *mut u64 {
    block.wrapping_add(bin.shape().block_size as usize - SEAL).cast()
}

/// The seal of a block with a margin of so many bytes.
fn seal(block: *mut u8, margin: usize) -> u64 {
    let mixed = (block.addr() + margin) ^ sys::random();
    mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) as u64 & !LENGTH | margin as u64
}

/// Marks a block of `bin` as held by the program, which asked for `size` bytes, and fills and seals its margin. The block
/// has room for the seal.
pub(crate) fn hand_out(bin: Bin, block: *mut u8, size: usize) {
    let (word, bit) = bit(bin, block);
    word.fetch_or(bit, Ordering::Relaxed);
    let margin = bin.shape().block_size as usize - SEAL - size;
    // SAFETY: the block was just allocated for the caller, and has room for `size` bytes, the margin and the seal. The
    // seal need not be aligned.
    unsafe {
        block.add(size).write_bytes(MARGIN, margin);
        seal_place(bin, block).write_unaligned(seal(block, margin));
    }
}

/// Marks a block of `bin` as free, and fills it. The process ends with a report if the program doesn't hold the block, or
/// wrote past its end.
pub(crate) fn take_back(bin: Bin, block: *mut u8) {
    check_held(bin, block);
    let size = size(bin, block);
    let (word, bit) = bit(bin, block);
    if word.fetch_and(!bit, Ordering::Relaxed) & bit == 0 {
        report::bad_free(bin, BadFree::Twice(block));
    }
    // SAFETY: the program held the block until this thread cleared its bit, and gives it up.
    unsafe { block.write_bytes(FREED, size) };
}

/// Ends the process with a report unless the program holds a block of `bin` that starts there.
pub(crate) fn check_held(bin: Bin, block: *mut u8) {
    if !bin.shape().is_start(block) {
        report::bad_free(bin, BadFree::NotABlock(block));
    }
    let (word, bit) = bit(bin, block);
    if word.load(Ordering::Relaxed) & bit == 0 {
        report::bad_free(bin, BadFree::Twice(block));
    }
}

/// The bytes that the program asked for. The process ends with a report if it wrote past them.
pub(crate) fn size(bin: Bin, block: *mut u8) -> usize {
    let room = bin.shape().block_size as usize - SEAL;
    // SAFETY: the program holds the block, as `check_held` found, and the block ends with the seal.
    let found = unsafe { seal_place(bin, block).read_unaligned() };
    let margin = (found & LENGTH) as usize;
    if found != seal(block, margin) || margin > room {
        report::overrun(block, room);
    }
    let size = room - margin;
    // SAFETY: the margin is `room` bytes at most, and ends at the seal: it lies in the block.
    let margin = unsafe { core::slice::from_raw_parts(block.add(size), margin) };
    if margin.iter().any(|&byte| byte != MARGIN) {
        report::overrun(block, size);
    }
    size
}
