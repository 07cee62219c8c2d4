//! Lists of blocks through their first words, sorted where they lie.

use crate::memory::{load, store};

/// The most sorted parts at a time: part `n` has `2^n` blocks, and addresses end before.
const PARTS: usize = usize::BITS as usize;

/// Returns the first block of a list that is sorted by address; 0 ends it.
///
/// Each block is joined with the parts of equal length before it, as bits carry in a sum.
///
/// # Safety
///
/// Each block is memory of the heap that nobody else uses, and its first word is the next.
pub(crate) unsafe fn sorted(first: usize) -> usize {
    let mut parts = [0; PARTS];
    let mut rest = first;
    while rest != 0 {
        let mut part = rest;
        // SAFETY: each block is the heap's, and its first word is the next.
        unsafe {
            rest = load(part);
            store(part, 0_usize);
            for place in &mut parts {
                if *place == 0 {
                    *place = part;
                    break;
                }
                part = merged(core::mem::take(place), part);
            }
        }
    }
    // SAFETY: as above.
    parts.into_iter().fold(0, |all, part| unsafe { merged(all, part) })
}

/// Two sorted lists as one.
unsafe fn merged(mut one: usize, mut other: usize) -> usize {
    let (mut first, mut last) = (0, 0);
    while one != 0 || other != 0 {
        let from = if other == 0 || (one != 0 && one < other) { &mut one } else { &mut other };
        let next = *from;
        // SAFETY: both are lists of blocks that nobody else uses.
        unsafe {
            *from = load(next);
            if last == 0 {
                first = next;
            } else {
                store(last, next);
            }
        }
        last = next;
    }
    first
}
