//! The blocks beside one, in the order of addresses: what is written before a block, or leaps over its seal, hits them. In the
//! paranoid build each free looks at both.
//!
//! Other threads may have them, allocate and free them meanwhile: see [`standing`](super::standing).

use core::hint::spin_loop;

use crate::{
    books::{
        guard::{ZEROED, held_at, seal, size, standing, wipe},
        report,
    },
    plan::bins::Bin,
};

/// Looks at a block that must find it broken, and standing as it did, before it counts as broken. A block that was freed and
/// handed out again from the first look at its byte to the second would mislead one of them, but not all.
const LOOKS: u32 = 64;
/// So far the looks reach from a block, in bytes: over several neighbours where they are small.
const REACH: usize = 64;

/// Where a block lies, seen from another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    Behind,
}

/// Ends the process with a report if a block beside one of `bin`, or one of several in reach, is broken: if the program holds
/// it, its seal or margin; if it is free, the nearest bytes of it. The block isn't free to its slab, so that the slab stays.
#[inline(never)]
pub(super) fn check(bin: Bin, block: *mut u8) {
    let size = bin.shape().block_size as usize;
    let segment = bin.shape().partition.segment_size();
    let offset = block.addr() & (segment - 1);
    let mut distance = size;
    loop {
        if offset >= distance && is_broken(bin, block.wrapping_sub(distance), Side::Before) {
            report::beside(block, size, "before");
        }
        let fits = offset + distance + size <= segment;
        if fits && is_broken(bin, block.wrapping_add(distance), Side::Behind) {
            report::beside(block, size, "behind");
        }
        distance += size;
        if distance > REACH {
            return;
        }
    }
}

/// The same, and with a report if the block itself is broken, which the program holds.
pub(super) fn check_with(bin: Bin, block: *mut u8) {
    if is_broken(bin, block, Side::Before) {
        size(bin, block);
    }
    check(bin, block);
}

/// Whether a block is broken, and stays so.
#[inline(always)]
fn is_broken(bin: Bin, block: *mut u8, side: Side) -> bool {
    looks_broken(bin, block, side)
        && (1..LOOKS).all(|_| {
            spin_loop();
            looks_broken(bin, block, side)
        })
}

/// Whether a block that lies at this side of another looks broken. Not while it changes.
#[inline(always)]
fn looks_broken(bin: Bin, block: *mut u8, side: Side) -> bool {
    let size = bin.shape().block_size as usize;
    let standing = standing(bin, block);
    let said = standing.before_look();
    // SAFETY: a block whose byte isn't zero was handed out once, so that its memory is usable ([SEGMENT-4: usable]), and its
    // slab stays. It is sealed, or zeroed and free; if another thread changes that meanwhile, what was read is left aside.
    let is_broken = unsafe {
        if said == held_at(block) {
            seal(bin, block).size().is_err()
        } else if said == ZEROED {
            let seen = size.min(REACH);
            let start = if side == Side::Before { size - seen } else { 0 };
            !wipe::is_zero(block.add(start), seen)
        } else {
            false
        }
    };
    is_broken && standing.stood_as(said)
}
