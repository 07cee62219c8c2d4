//! Checks of each allocation and free of a small block. Without the feature `checked` they compile to nothing, and the books
//! have no room for them.
//!
//! - Each block has a byte, which says whether the program holds the block. So the call that frees a block twice, or an
//!   address that is no block, is noticed in whichever thread. This is all that there is in the checked build.
//!
//! In the hardened build also:
//!
//! - The margin between the size asked for and the block's end is filled, and sealed by a word that depends on the
//!   address and on the process. So a byte written past the end is noticed at the free.
//! - A freed block is zeroed, so that a use after the free reads nothing of what it held. Another bit says so. So a byte
//!   written after the free is noticed when the block is to be handed out again.
//! - Short blocks have no byte: the program holds those that are sealed, and all others are zero, also before they are handed
//!   out for the first time.
//!
//! In the paranoid build also:
//!
//! - Each free looks at the neighbours of the block too, in the order of addresses.
//!
//! Blocks of arena heaps aren't checked.

mod neighbours;
mod seal;
mod standing;
mod wipe;

use core::sync::atomic::Ordering;

use stratalloc_core::MAX_CLASS_SIZE;

use crate::{
    books::{
        area::{HELD_SIZE, held_block, held_of_segment},
        report,
        slab::BadFree,
    },
    plan::bins::{self, Bin},
};

use seal::Seal;
use standing::{Standing, before_change};

pub(crate) use crate::books::{
    area::KNOWS_HELD,
    guard::seal::{fill, is_filled},
};

/// Whether blocks are sealed and zeroed too, and large ones lie between guard pages: in the hardened build.
pub(crate) const ON: bool = cfg!(feature = "hardened");

/// Whether freed blocks wait in a quarantine too, and blocks are handed out in random order: in the paranoid build.
pub(crate) const PARANOID: bool = cfg!(feature = "paranoid");

/// Bytes of a block that its seal takes.
pub(crate) const SEAL: usize = if ON { size_of::<u64>() } else { 0 };

const _: () = assert!(HELD_SIZE >= wipe::LEAST, "a block with a seal can be zeroed");

/// The byte of a block that was zeroed when it was freed; zero is that of any other which is free.
const ZEROED: u8 = 1;
/// The byte of a block that the program freed. In the paranoid build, of one that isn't zeroed yet.
const FREED: u8 = match (ON, PARANOID) {
    (_, true) => 2,
    (true, _) => ZEROED,
    _ => 0,
};
/// The byte of a block that is taken into use in the paranoid build, and isn't sealed yet.
const OPENED: u8 = 4;

/// Whether a byte says which blocks of a bin the program holds, and not their seals alone: these are looked at in any case.
///
/// Of longer blocks, it says also which were handed out before: the memory of others need not be read, nor be zero. Neighbours
/// tell by it whether a block changes.
#[inline(always)]
pub(crate) fn has_bytes(bin: Bin) -> bool {
    !ON || PARANOID || are_long(bin)
}

/// The byte of a block that the program holds: it tells the block's start from all other addresses that have the same byte
/// and are aligned to 8, which all are that come here.
#[inline(always)]
fn held_at(block: *mut u8) -> u8 {
    (block.addr() >> 3) as u8 | 0x80
}

/// The bin that serves `size` bytes at `align`, with what the build adds to a block. In the hardened build, none serves no bytes.
#[inline(always)]
pub(crate) fn bin_for(size: usize, align: usize) -> Option<Bin> {
    if ON {
        // Size 0 wraps to one that is too large.
        let is_served = size.wrapping_sub(1) < MAX_CLASS_SIZE - SEAL;
        if is_served { bins::bin_for(size + SEAL, align) } else { None }
    } else if KNOWS_HELD && align < HELD_SIZE {
        bins::bin_for(size.max(HELD_SIZE), align)
    } else {
        bins::bin_for(size, align)
    }
}

/// Whether blocks of a bin take a loop to be zeroed: paths that have none are shorter without it.
#[inline(always)]
pub(crate) fn are_long(bin: Bin) -> bool {
    ON && bin.shape().block_size as usize > wipe::SHORT
}

/// The byte of a block in a slab of `bin`. Used with `Relaxed`, but for looks at neighbours: a thread that frees a block
/// has it from the thread that allocated it.
#[inline(always)]
fn standing(bin: Bin, block: *mut u8) -> Standing<'static> {
    // SAFETY: the bin is that of the address's tile: [AREA-2: tiles] its segment serves as a slab. Areas of threads stay
    // ([WINDOWS-1: stay]).
    Standing(unsafe { held_block(block, bin.shape().partition) })
}

/// Forgets what a segment's bytes say, since the segment becomes a slab of `bin`, and sees to it that its blocks can be sealed.
pub(crate) fn open_slab(bin: Bin, start: *mut u8) {
    if ON {
        seal::make_secret();
    }
    if !has_bytes(bin) {
        return;
    }
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
pub(crate) fn not_held(bin: Bin, address: *mut u8) -> ! {
    let bad =
        if bin.shape_at(address).is_start(address) { BadFree::Twice } else { BadFree::NotABlock };
    report::bad_free(bin, bad(address))
}

/// Marks a block of `bin` as held by the program, which asked for `size` bytes, and returns it; in the hardened build, fills
/// and seals its margin. The block has room for the seal. The process ends with a report if the block was written to after it
/// was freed, or if the program holds it: then two threads freed it at the same moment.
#[inline(always)]
pub(crate) fn hand_out(bin: Bin, block: *mut u8, size: usize) -> *mut u8 {
    if !ON {
        standing(bin, block).say(held_at(block));
        return block;
    }
    if are_long(bin) { hand_out_long(bin, block, size) } else { hand_out_any(bin, block, size) }
}

#[inline(never)]
fn hand_out_long(bin: Bin, block: *mut u8, size: usize) -> *mut u8 {
    hand_out_any(bin, block, size)
}

#[inline(always)]
fn hand_out_any(bin: Bin, block: *mut u8, size: usize) -> *mut u8 {
    if has_bytes(bin) {
        leave(bin, block, if PARANOID { OPENED } else { held_at(block) });
    } else {
        check_free(bin, block);
    }
    // SAFETY: the block was just allocated for the caller, and has room for `size` bytes.
    unsafe { seal(bin, block).set(size) };
    if PARANOID {
        standing(bin, block).say_done(held_at(block));
    }
    block
}

/// Takes a free block of `bin` into use, which the program won't hold. The process ends with a report as by [`hand_out`].
pub(crate) fn take_out(bin: Bin, block: *mut u8) {
    debug_assert!(has_bytes(bin), "others are zero when they are handed out");
    leave(bin, block, 0);
}

/// Ends the process with a report unless a block that was just allocated is zero, of a bin whose blocks have no bytes.
#[inline(always)]
fn check_free(bin: Bin, block: *mut u8) {
    // SAFETY: the block is the calling thread's alone. Sizes are multiples of a word's, and have room for a seal.
    if !unsafe { wipe::is_zero(block, bin.shape().block_size as usize) } {
        not_free(bin, block);
    }
}

/// Ends the process over a block that isn't zero, though it was free.
#[cold]
#[inline(never)]
fn not_free(bin: Bin, block: *mut u8) -> ! {
    // SAFETY: the block lies in a slab of the bin, in memory that was read before.
    if unsafe { seal(bin, block).size() }.is_ok() {
        report::bad_free(bin, BadFree::Twice(block));
    }
    report::written_after_free(block, bin.shape().block_size as usize)
}

/// Ends the process over a block of `bin`, which has no byte: what follows its first `size` bytes is broken.
#[cold]
#[inline(never)]
fn broken(bin: Bin, block: *mut u8, size: usize) -> ! {
    // SAFETY: the block lies in a slab of the bin, in memory that was read before.
    if unsafe { seal(bin, block).is_behind(size) } {
        report::overrun(block, size);
    }
    not_sealed(bin, block)
}

/// Ends the process over an address in a slab of `bin`, whose blocks have no bytes, that isn't the start of a sealed block.
#[cold]
#[inline(never)]
fn not_sealed(bin: Bin, address: *mut u8) -> ! {
    let size = bin.shape().block_size as usize;
    // SAFETY: where a block starts, its seal was read; sizes are multiples of a word's, and have room for a seal.
    if !bin.shape().is_start(address) || unsafe { wipe::is_zero(address, size) } {
        not_held(bin, address);
    }
    report::overrun(address, size - SEAL)
}

/// Gives the byte of a block that was just allocated another value, and looks at what it said.
#[inline(always)]
fn leave(bin: Bin, block: *mut u8, now: u8) {
    let standing = standing(bin, block);
    let before = standing.said();
    standing.say(now);
    if PARANOID {
        before_change();
    }
    if before == ZEROED {
        let size = bin.shape().block_size as usize;
        // SAFETY: the block is the calling thread's alone. Sizes are multiples of a word's, and have room for a seal.
        if !unsafe { wipe::is_zero(block, size) } {
            report::written_after_free(block, size);
        }
    } else if before != 0 {
        report::bad_free(bin, BadFree::Twice(block));
    }
}

/// The seal of a block.
#[inline(always)]
fn seal(bin: Bin, block: *mut u8) -> Seal {
    Seal::of(block, bin.shape().block_size as usize)
}

/// Who may free a block at the same moment as the calling thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rival {
    /// No thread of those that hand the block out again: the block lies where the calling thread is at home. Another may
    /// free it wrongly; then it is noticed when the block would be handed out twice, for want of a locked instruction.
    None,
    /// Any other.
    Any,
}

/// The seal of a block of `bin`, whose blocks have no bytes, if a block starts there.
#[inline(always)]
fn seal_at(bin: Bin, address: *mut u8) -> Option<Seal> {
    bin.shape().is_start(address).then(|| seal(bin, address))
}

/// Takes a block of `bin` back that has no byte. The process ends with a report as by [`take_back`].
#[inline(always)]
fn take_sealed_back(bin: Bin, block: *mut u8, rival: Rival) {
    let Some(seal) = seal_at(bin, block) else { not_sealed(bin, block) };
    // SAFETY: a block starts there, in a slab; if it isn't sealed, that is found.
    let size = unsafe { seal.size() }.unwrap_or_else(|size| broken(bin, block, size));
    // SAFETY: as above.
    if rival == Rival::Any && !unsafe { seal.take(size) } {
        not_sealed(bin, block);
    }
}

/// The same, if it is sealed behind `size` bytes, as [`take_back_sized`].
#[inline(always)]
fn take_sealed_back_sized(bin: Bin, block: *mut u8, size: usize, rival: Rival) -> Taken {
    let Some(seal) = seal_at(bin, block) else { return Taken::Not };
    // SAFETY: a block starts there, in a slab; if it isn't sealed, that is found.
    if !unsafe { seal.is_behind(size) } {
        return Taken::Not;
    }
    // SAFETY: the seal was found behind `size` bytes.
    if let Err(size) = unsafe { seal.unbroken_margin(seal.margin(size)) } {
        report::overrun(block, size);
    }
    // SAFETY: as above.
    if rival == Rival::Any && !unsafe { seal.take(size) } {
        return Taken::Not;
    }
    Taken::Back
}

/// Marks a block of `bin` as free if the program holds it; returns whether it does.
#[inline(always)]
fn mark_freed(bin: Bin, block: *mut u8, rival: Rival) -> bool {
    let (standing, held) = (standing(bin, block), held_at(block));
    if ON && rival == Rival::Any {
        return standing.say_instead(held, FREED);
    }
    let is_held = standing.said() == held;
    if is_held {
        standing.say(FREED);
    }
    is_held
}

/// Marks a block of `bin` as free, which is to be [cleared](clear) next. The process ends with a report if the program doesn't
/// hold the block, or wrote past its end.
///
/// Of two threads that free a block at the same moment, the hardened build tells one, now or when the block would be handed
/// out twice. In the checked build, both may find it held.
#[inline(always)]
pub(crate) fn take_back(bin: Bin, block: *mut u8, rival: Rival) {
    if !has_bytes(bin) {
        return take_sealed_back(bin, block, rival);
    }
    if !mark_freed(bin, block, rival) {
        not_held(bin, block);
    }
    if ON {
        size(bin, block);
    }
    if PARANOID {
        neighbours::check(bin, block);
    }
}

/// What came of [`take_back_sized`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The block is marked as free.
    Back,
    /// Nothing happened: the program holds no block there.
    Not,
    /// The block is marked as free, but isn't sealed behind so many bytes.
    Wrongly,
}

/// The same, if the program holds a block of `bin` there for which it asked for `size` bytes. The block's bin is that of so
/// many bytes.
///
/// The byte is written before the seal is looked at, so that its place needs no register meanwhile.
#[inline(always)]
pub(crate) fn take_back_sized(bin: Bin, block: *mut u8, size: usize, rival: Rival) -> Taken {
    if !has_bytes(bin) {
        return take_sealed_back_sized(bin, block, size, rival);
    }
    if !mark_freed(bin, block, rival) {
        return Taken::Not;
    }
    let seal = seal(bin, block);
    // SAFETY: the block was sealed, since the program held it until now.
    if !unsafe { seal.is_behind(size) } {
        return Taken::Wrongly;
    }
    // SAFETY: as above, and the seal was found behind `size` bytes.
    if let Err(size) = unsafe { seal.unbroken_margin(seal.margin(size)) } {
        report::overrun(block, size);
    }
    if PARANOID {
        neighbours::check(bin, block);
    }
    Taken::Back
}

/// Undoes what [`take_back_sized`] did wrongly.
pub(crate) fn give_again(bin: Bin, block: *mut u8) {
    standing(bin, block).say(held_at(block));
}

/// Zeroes a block in the hardened build.
///
/// # Safety
///
/// It was taken back, and nobody else has it since.
#[inline(always)]
pub(crate) unsafe fn clear(bin: Bin, block: *mut u8) {
    if PARANOID {
        before_change();
    }
    if ON {
        // SAFETY: the block is the caller's, by this function's contract. Sizes are multiples of a word's, and have room for
        // a seal.
        unsafe { wipe::zero(block, bin.shape().block_size as usize) };
    }
    if PARANOID {
        standing(bin, block).say_done(ZEROED);
    }
}

/// Zeroes a free block in the paranoid build, unless that was done: what is written to it by way of a neighbour is noticed
/// then.
///
/// # Safety
///
/// The block lies in a slab of the bin of a thread's heap, is free, and the calling thread's alone.
pub(crate) unsafe fn make_clear(bin: Bin, block: *mut u8) {
    if standing(bin, block).said() == 0 {
        // SAFETY: this function's contract is at least the same.
        unsafe { clear(bin, block) };
    }
}

/// Whether the program holds a block of `bin` at an address, which lay in a slab of it once.
#[inline(always)]
pub(crate) fn is_held(bin: Bin, block: *mut u8) -> bool {
    standing(bin, block).before_look() == held_at(block)
}

/// Ends the process with a report if the program wrote past the end of a block of `bin`, or of one beside it, that it holds.
///
/// # Safety
///
/// The block lies in a slab of the bin, which stays for as long as the program holds the block.
pub(crate) unsafe fn check_around(bin: Bin, block: *mut u8) {
    if is_held(bin, block) {
        neighbours::check_with(bin, block);
    }
}

/// Ends the process with a report if a free block of `bin` was written to since it was zeroed.
pub(crate) fn check_clear(bin: Bin, block: *mut u8) {
    if !has_bytes(bin) {
        return check_free(bin, block);
    }
    let size = bin.shape().block_size as usize;
    // SAFETY: the block is free and the calling thread's alone. Sizes are multiples of a word's, and have room for a seal.
    if standing(bin, block).said() == ZEROED && !unsafe { wipe::is_zero(block, size) } {
        report::written_after_free(block, size);
    }
}

/// Ends the process with a report unless the program holds a block of `bin` that starts there.
pub(crate) fn check_held(bin: Bin, block: *mut u8) {
    if !has_bytes(bin) {
        // SAFETY: a block starts there, in a slab; if it isn't sealed, that is found.
        let is_sealed = seal_at(bin, block).is_some_and(|seal| unsafe { seal.is_set() });
        return if !is_sealed {
            not_sealed(bin, block)
        };
    }
    if standing(bin, block).said() != held_at(block) {
        not_held(bin, block);
    }
}

/// The bytes that the program asked for. The process ends with a report if it wrote past them.
#[inline(always)]
pub(crate) fn size(bin: Bin, block: *mut u8) -> usize {
    // SAFETY: the program holds the block, as its byte says, or held it until now; so it is sealed.
    match unsafe { seal(bin, block).size() } {
        Ok(size) => size,
        Err(size) => report::overrun(block, size),
    }
}

#[cfg(all(test, feature = "hardened"))]
mod tests {
    use super::*;

    #[test]
    fn a_seal_counts_only_where_a_block_starts() {
        for bin in Bin::all().filter(|&bin| !are_long(bin)) {
            let size = bin.shape().block_size as usize;
            for offset in (0..bin.shape().partition.segment_size()).step_by(8) {
                let starts = offset % size == 0 && offset / size < bin.shape().capacity as usize;
                let address = core::ptr::without_provenance_mut(offset);
                assert_eq!(seal_at(bin, address).is_some(), starts, "{offset} of {size}");
            }
        }
    }
}
