//! Checks of each allocation and free of a small block. Without the feature `checked` they compile to nothing, and the books
//! have no room for them.
//!
//! - Each block has a byte, a bit of which is set while the program holds the block. So the call that frees a block twice,
//!   or an address that is no block, is noticed in whichever thread. This is all that there is in the checked build.
//!
//! In the hardened build also:
//!
//! - The margin between the size asked for and the block's end is filled, and sealed by a word that depends on the
//!   address and on the process. So a byte written past the end is noticed at the free.
//! - A freed block is zeroed, so that a use after the free reads nothing of what it held. Another bit says so. So a byte
//!   written after the free is noticed when the block is to be handed out again.
//!
//! Blocks of arena heaps aren't checked.

use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use crate::{
    books::{
        area::{HELD_SIZE, held_block, held_of_segment},
        report,
        slab::BadFree,
    },
    plan::bins::{self, Bin},
    sys,
};

pub(crate) use crate::books::area::KNOWS_HELD;

/// Whether blocks are sealed and zeroed too, and large ones lie between guard pages: in the hardened build.
pub(crate) const ON: bool = cfg!(feature = "hardened");

/// Bytes of a block that its seal takes.
pub(crate) const SEAL: usize = if ON { size_of::<u64>() } else { 0 };

/// What fills the bytes between a block's size and its seal, and the seal's first byte. So one byte past the end is noticed
/// whatever else is written, be it zero, as of a string.
const MARGIN: u8 = 0xc5;
const MARGIN_WORD: u64 = u64::from_ne_bytes([MARGIN; WORD]);
const WORD: usize = size_of::<u64>();
/// The bits of a seal above this one hold the margin's length.
const LENGTH_SHIFT: u32 = 48;
/// The bits of a seal that nobody can guess: those between its first byte and the length.
const SECRET: u64 = (1 << LENGTH_SHIFT) - (1 << u8::BITS);

/// The byte of a block that was zeroed when it was freed; zero is that of any other which is free.
const ZEROED: u8 = 1;

/// The byte of a block that the program holds: it tells the block's start from all other addresses that have the same byte
/// and are aligned to 8, which all are that come here.
#[inline(always)]
fn held_at(block: *mut u8) -> u8 {
    (block.addr() >> 3) as u8 | 0x80
}

/// The bin that serves `size` bytes at `align`, with what the build adds to a block.
#[inline(always)]
pub(crate) fn bin_for(size: usize, align: usize) -> Option<Bin> {
    if ON {
        bins::bin_for(size.saturating_add(SEAL), align)
    } else if KNOWS_HELD && align < HELD_SIZE {
        bins::bin_for(size.max(HELD_SIZE), align)
    } else {
        bins::bin_for(size, align)
    }
}

/// The byte of a block in a slab of `bin`. Used with `Relaxed` throughout: a thread that frees a block has it from the thread
/// that allocated it.
#[inline(always)]
fn byte(bin: Bin, block: *mut u8) -> &'static AtomicU8 {
    // SAFETY: the bin is that of the address's tile: [AREA-2: tiles] its segment serves as a slab. Areas of threads stay
    // ([WINDOWS-1: stay]).
    unsafe { held_block(block, bin.shape().partition) }
}

/// Forgets what a segment's bytes say, since the segment becomes a slab of `bin`.
pub(crate) fn open_slab(bin: Bin, start: *mut u8) {
    // SAFETY: the caller opens the slab, so that it stays as long as the lock of its heap is held, and has no block yet.
    for bytes in unsafe { held_of_segment(start, bin.shape().partition) } {
        // Memory that was never written to stays so.
        if bytes.load(Ordering::Relaxed) != 0 {
            bytes.store(0, Ordering::Relaxed);
        }
    }
}

/// Ends the process over an address in a slab of `bin` at which the program holds no block.
#[cold]
#[inline(never)]
fn not_held(bin: Bin, address: *mut u8) -> ! {
    let bad = if bin.shape().is_start(address) { BadFree::Twice } else { BadFree::NotABlock };
    report::bad_free(bin, bad(address))
}

/// The address of a block's seal.
fn seal_place(bin: Bin, block: *mut u8) -> *mut u64 {
    block.wrapping_add(bin.shape().block_size as usize - SEAL).cast()
}

/// The seal of a block with a margin of so many bytes.
fn seal(block: *mut u8, margin: usize) -> u64 {
    let mixed = (block.addr() + margin) ^ secret();
    let product = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) as u64;
    (product >> u8::BITS) & SECRET | u64::from(MARGIN) | (margin as u64) << LENGTH_SHIFT
}

/// The process's random number, which the system is asked for once.
fn secret() -> usize {
    /// Zero before it is known. `Relaxed`: each thread would find the same.
    static KNOWN: AtomicUsize = AtomicUsize::new(0);

    let known = KNOWN.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    let fresh = sys::random() | 1;
    KNOWN.store(fresh, Ordering::Relaxed);
    fresh
}

/// Marks a block of `bin` as held by the program, which asked for `size` bytes; in the hardened build, fills and seals its
/// margin. The block has room for the seal. The process ends with a report if the block was written to after it was freed.
#[inline(always)]
pub(crate) fn hand_out(bin: Bin, block: *mut u8, size: usize) {
    let byte = byte(bin, block);
    if !ON {
        return byte.store(held_at(block), Ordering::Relaxed);
    }
    let before = byte.load(Ordering::Relaxed);
    byte.store(held_at(block), Ordering::Relaxed);
    if before == ZEROED {
        check_zero(bin, block);
    }
    let margin = bin.shape().block_size as usize - SEAL - size;
    // SAFETY: the block was just allocated for the caller, and has room for `size` bytes, the margin and the seal, which
    // need not be aligned, and is written last.
    unsafe {
        fill_before_seal(block.add(size), margin);
        seal_place(bin, block).write_unaligned(seal(block, margin));
    }
}

/// Takes a free block of `bin` into use, which the program won't hold. The process ends with a report if it was written to
/// after it was freed.
pub(crate) fn take_out(bin: Bin, block: *mut u8) {
    let byte = byte(bin, block);
    let before = byte.load(Ordering::Relaxed);
    byte.store(0, Ordering::Relaxed);
    if before == ZEROED {
        check_zero(bin, block);
    }
}

/// Ends the process with a report unless each byte of a block is zero that was just allocated.
fn check_zero(bin: Bin, block: *mut u8) {
    let size = bin.shape().block_size as usize;
    // SAFETY: the block is the calling thread's alone, and each of its bytes was zeroed. Sizes are multiples of a word's.
    let words = unsafe { core::slice::from_raw_parts(block.cast::<[u8; WORD]>(), size / WORD) };
    // Without a way out, so that the compiler looks at several at a time.
    if words.iter().fold(0, |all, &word| all | u64::from_ne_bytes(word)) != 0 {
        report::written_after_free(block, size);
    }
}

/// Marks a block of `bin` as free; in the hardened build, zeroes it. The process ends with a report if the program doesn't
/// hold the block, or wrote past its end.
///
/// Of two threads that free a block at the same moment, the hardened build tells one: without a locked instruction, which
/// the checked build spares itself, both may find it held.
#[inline(always)]
pub(crate) fn take_back(bin: Bin, block: *mut u8) {
    let (byte, held) = (byte(bin, block), held_at(block));
    let taken = if ON {
        byte.compare_exchange(held, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    } else {
        byte.load(Ordering::Relaxed) == held
    };
    if !taken {
        not_held(bin, block);
    }
    if !ON {
        return byte.store(0, Ordering::Relaxed);
    }
    size(bin, block);
    // SAFETY: the program held the block until this thread cleared its bit, and gives it up.
    unsafe { block.write_bytes(0, bin.shape().block_size as usize) };
    byte.store(ZEROED, Ordering::Relaxed);
}

/// The same, if the program holds a block of `bin` there for which it asked for `size` bytes; returns whether it does. The
/// block's bin is that of so many bytes.
pub(crate) fn take_back_sized(bin: Bin, block: *mut u8, size: usize) -> bool {
    if byte(bin, block).load(Ordering::Relaxed) != held_at(block) {
        return false;
    }
    let margin = bin.shape().block_size as usize - SEAL - size;
    // SAFETY: the program holds the block, which ends with the seal.
    let found = unsafe { seal_place(bin, block).read_unaligned() };
    if found != seal(block, margin) {
        return false;
    }
    take_back(bin, block);
    true
}

/// Ends the process with a report unless the program holds a block of `bin` that starts there.
pub(crate) fn check_held(bin: Bin, block: *mut u8) {
    if byte(bin, block).load(Ordering::Relaxed) != held_at(block) {
        not_held(bin, block);
    }
}

/// The bytes that the program asked for. The process ends with a report if it wrote past them.
pub(crate) fn size(bin: Bin, block: *mut u8) -> usize {
    let room = bin.shape().block_size as usize - SEAL;
    // SAFETY: the program holds the block, as its bit says, and the block ends with the seal.
    let found = unsafe { seal_place(bin, block).read_unaligned() };
    let margin = (found >> LENGTH_SHIFT) as usize;
    if found != seal(block, margin) || margin > room {
        report::overrun(block, room);
    }
    let size = room - margin;
    // SAFETY: the margin is `room` bytes at most, and ends at the seal: it lies in the block.
    if !unsafe { is_filled_before_seal(block.add(size), margin) } {
        report::overrun(block, size);
    }
    size
}

/// Fills a margin of so many bytes before a seal, some of which it may overwrite.
///
/// # Safety
///
/// They can be written, and a seal after them; nobody uses them.
unsafe fn fill_before_seal(start: *mut u8, count: usize) {
    let mut done = 0;
    while done < count {
        // SAFETY: the word begins within the margin, by the condition, and ends within the seal at the latest.
        unsafe { start.add(done).cast::<u64>().write_unaligned(MARGIN_WORD) };
        done += WORD;
    }
}

/// Whether a margin before a seal is as it was filled.
///
/// # Safety
///
/// The bytes can be read, and the seal after them; nobody writes to them meanwhile.
unsafe fn is_filled_before_seal(start: *mut u8, count: usize) -> bool {
    // SAFETY: each word read begins within the margin or at its end, and ends within the seal at the latest, by this
    // function's contract.
    let differing = |at| unsafe { start.add(at).cast::<u64>().read_unaligned() } ^ MARGIN_WORD;
    let (mut done, mut all) = (0, 0);
    while done + WORD <= count {
        all |= differing(done);
        done += WORD;
    }
    let rest = (1_u64 << ((count - done) * 8)) - 1;
    all | u64::from_le(differing(done)) & rest == 0
}

/// Fills a margin of so many bytes.
///
/// # Safety
///
/// They can be written, and nobody uses them.
pub(crate) unsafe fn fill(start: *mut u8, count: usize) {
    // SAFETY: this function's contract is the same.
    unsafe { start.write_bytes(MARGIN, count) };
}

/// Whether a margin is as it was filled.
///
/// # Safety
///
/// The bytes can be read, and nobody writes to them meanwhile.
pub(crate) unsafe fn is_filled(start: *mut u8, count: usize) -> bool {
    // SAFETY: this function's contract is the same.
    let margin = unsafe { core::slice::from_raw_parts(start, count) };
    margin.iter().all(|&byte| byte == MARGIN)
}
