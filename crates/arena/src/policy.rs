//! What is kept and what is given back: every threshold, with its reason and its measured price.
//!
//! Told figures, it answers. Those who act have no thresholds of their own.

pub(crate) mod admission;
pub(crate) mod grant;
pub(crate) mod huge_pages;
pub(crate) mod keep;

use crate::plan::geometry::Partition;

/// The bytes that all heaps together may keep in any case, unless chosen otherwise.
pub(crate) const KEEP_DEFAULT: usize = 32 << 20;

/// Beyond that, they may keep so many hundredths of the bytes in use, unless chosen otherwise.
pub(crate) const SHARE_DEFAULT: usize = 100;

/// Milliseconds that memory which serves nothing is kept at most, unless chosen otherwise: as long as others keep it.
/// A look costs some microseconds a heap, and comes twice in that time.
pub(crate) const DECAY_DEFAULT: u64 = 10_000;

/// Bytes that a heap at work may keep in any case, where few share [`KEEP_DEFAULT`] and where many do: less
/// isn't worth a system call. With 1 MiB for each of 512, half a gigabyte stayed.
const HEAP_MINIMUM: core::ops::RangeInclusive<usize> = 64 << 10..=1 << 20;

/// A shrunk block gives a tail of at least this many bytes back to the system: a call costs as much as to fault in
/// some ten pages.
pub(crate) const WORTH_PURGING_TAIL: usize = 256 << 10;

/// Milliseconds within which the memory of a freed whole block will serve again where blocks of megabytes are
/// replaced, and how often the usual share of use may be kept for that: among 20 blocks of 5 to 25 MiB, a third of
/// the page faults were for memory given back a moment before.
const GRACE: u32 = 300;
const GRACE_TIMES: usize = 2;

/// Whether the memory of a whole block is likely to serve again, which was freed then; zero for never.
pub(crate) fn will_serve_again(freed_at: u32, now: u32) -> bool {
    freed_at != 0 && now.wrapping_sub(freed_at) < GRACE
}

/// Whether so many bytes may be kept for a moment, if they are likely to serve again.
pub(crate) fn may_wait(dirty: usize, share: usize) -> bool {
    dirty / GRACE_TIMES <= share
}

/// A stretch of free blocks is given back if it covers pages of this many bytes, where only what is too much has to go.
const WORTH_PURGING_STRETCH: usize = 8 << 10;

/// The least stretch in bytes to be given back; any page, where all that serves nothing is to go: what threads have in
/// their stocks lies scattered, and leaves many stretches of one.
pub(crate) fn least_stretch(rested: bool) -> usize {
    if rested { WORTH_PURGING_STRETCH } else { 4 << 10 }
}

/// A slab is looked through for such stretches if this part of it was freed since the last time; but not while as
/// much is freed from one look to the next, so many milliseconds later at least: it will be empty soon. Two
/// threads that freed 16 million blocks in random order made 438,000 calls for stretches of slabs.
const WORTH_SETTLING: usize = 16;
const REST: u64 = 250;

/// Whether a slab with so many idle bytes is looked through for pages to give back.
pub(crate) fn is_worth_settling(idle: usize, partition: Partition) -> bool {
    idle >= partition.segment_size() / WORTH_SETTLING
}

/// Whether a slab with so many idle bytes, and so many at the last look, is no longer being emptied.
pub(crate) fn has_rested(seen: usize, idle: usize, partition: Partition) -> bool {
    idle < seen + partition.segment_size() / WORTH_SETTLING
}

/// Whether it is time to look at slabs again.
pub(crate) fn may_look_at_slabs(last: u64, now: u64) -> bool {
    now >= last + REST
}

/// The slabs that are looked at for pages to give back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slabs {
    All,
    /// Those that aren't being emptied.
    Rested,
    None,
}

/// Bytes of a heap's books that were used, about: the books of a thread that used blocks to 300 bytes and a
/// large one had 128 KiB.
pub(crate) const BOOKS: usize = 128 << 10;

/// The bytes that each heap at work may keep in any case, where so many heaps share what may be kept.
pub(crate) fn heap_minimum(keep: usize, heaps: usize) -> usize {
    (keep / heaps.max(1)).clamp(*HEAP_MINIMUM.start(), *HEAP_MINIMUM.end())
}

/// How many more bytes a heap frees before it looks for some to give back again, once it found less than
/// it wanted: so much that looking through all slabs is rare.
pub(crate) fn patience(used: usize) -> usize {
    (used / 8).max(*HEAP_MINIMUM.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slabs_rest_when_little_of_them_was_freed_since_the_last_look() {
        for partition in Partition::all() {
            let part = partition.segment_size() / WORTH_SETTLING;
            assert!(is_worth_settling(part, partition) && !is_worth_settling(part - 1, partition));
            assert!(
                has_rested(part, 2 * part - 1, partition) && !has_rested(part, 2 * part, partition)
            );
        }
        assert!(may_look_at_slabs(0, REST) && !may_look_at_slabs(1, REST));
    }

    #[test]
    fn freed_blocks_wait_for_a_moment_where_others_are_in_use() {
        assert!(!will_serve_again(0, 5) && will_serve_again(7, 7 + GRACE - 1));
        assert!(!will_serve_again(7, 7 + GRACE) && will_serve_again(u32::MAX, 3));
        assert!(may_wait(200, 100) && !may_wait(202, 100) && !may_wait(2, 0));
    }

    #[test]
    fn the_minimum_of_all_heaps_is_little_beside_what_may_be_kept() {
        for heaps in [1, 10, 100, 1000] {
            let all = heaps * heap_minimum(KEEP_DEFAULT, heaps);
            assert!(all <= 2 * KEEP_DEFAULT, "{heaps} heaps keep {all}");
        }
        assert_eq!((heap_minimum(0, 1), heap_minimum(KEEP_DEFAULT, 0)), (64 << 10, 1 << 20));
    }
}
