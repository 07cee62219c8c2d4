//! An arena's book: masks of what its 64 segments serve.

mod index;

pub(crate) use index::ArenaIndex;
use index::LISTS;

use crate::{
    books::list::{Linked, Links},
    plan::geometry::{LINE, Partition, SEGMENTS},
};

/// What an arena serves.
///
/// Zero is vacant, so that books are valid as the system gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Use(u8);

impl Use {
    /// Nobody.
    pub(crate) const VACANT: Self = Self(0);
    /// Slabs of the partition's classes, and runs of segments for sizes above the classes'.
    pub(crate) const SEGMENTS: Self = Self(1);
    /// One block that has arenas for itself; its first arena counts them.
    pub(crate) const WHOLE: Self = Self(2);

    /// The first slabs of classes, in the first partition. No run lies among them: it would take up a segment of which a class
    /// touched a few pages, and the class would begin elsewhere the next time.
    pub(crate) const FIRST_SLABS: Self = Self(3);

    /// Whether single segments serve something.
    pub(crate) fn is_of_segments(self) -> bool {
        matches!(self, Self::SEGMENTS | Self::FIRST_SLABS)
    }

    /// Its byte in a book.
    pub(crate) const fn byte(self) -> u8 {
        self.0
    }
}

/// A request for vacant arenas in a row.
#[derive(Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) partition: Partition,
    /// How many.
    pub(crate) count: usize,
    pub(crate) purpose: Use,
    /// How many more must stay vacant in their partition.
    pub(crate) keep: u32,
    /// Whether they must have memory behind them, and how many bytes of it best.
    pub(crate) warm: Option<usize>,
}

/// The book of one arena. All zero is a vacant arena that was never used.
///
/// # Invariants
///
/// - [ARENA-1: dirty] A segment in `dirty` is not in `used`; its book's `touched` isn't zero.
/// - [ARENA-2: usable] The segments in `whole` are in `committed`, and are usable to their ends; those in `huge` are in
///   `whole`. Of those in `committed`
///   alone, the first bytes are usable, as many as their book has in `usable`.
/// - [ARENA-3: listed] An arena is `listed` exactly if a list of its heap holds it. One whose use is
///   [of segments](Use::is_of_segments), with a vacant one, is always listed, and no other is.
#[repr(C, align(64))]
pub(crate) struct Arena {
    /// Segments that serve something.
    pub(crate) used: u64,
    /// Vacant segments with memory behind them.
    pub(crate) dirty: u64,
    /// Segments whose memory may be used without asking the system, at their start at least.
    pub(crate) committed: u64,
    /// Those of `committed` that may be used to their ends.
    pub(crate) whole: u64,
    links: Links<Self>,
    /// Segments behind which huge pages were asked for, and still are. A hint: the system may have refused.
    pub(crate) huge: u64,
    /// What it serves.
    pub(crate) purpose: Use,
    /// The number of that list plus one, or zero if it is in none.
    pub(crate) listed: u8,
    /// Arenas of the block that starts here, in an arena of [`Use::WHOLE`]; zero in those that follow.
    pub(crate) span: u8,
    /// How often memory was brought here from elsewhere: mappings that the arena has besides its stretches, or half as many.
    pub(crate) brought: u8,
    /// The time at which a whole block here was last freed, in milliseconds of the system's clock; zero if none was since
    /// the arena last served segments.
    pub(crate) freed_at: u32,
}

impl Linked for Arena {
    fn links(&mut self) -> &mut Links<Self> {
        &mut self.links
    }
}

// A book is one line.
const _: () = assert!(size_of::<Arena>() == LINE && align_of::<Arena>() == LINE);

impl Arena {
    /// The segment to use next: one that is warm, if there is one, else the next from `first` on.
    pub(crate) fn vacant_segment(&self, first: usize) -> Option<usize> {
        let vacant = !self.used;
        let warm = vacant & self.dirty;
        let choice = if warm == 0 { vacant } else { warm }.rotate_right(first as u32);
        (choice != 0).then(|| (choice.trailing_zeros() as usize + first) % SEGMENTS)
    }

    /// The vacant segment from `first` on that has no memory behind it.
    pub(crate) fn cold_segment(&self, first: usize) -> Option<usize> {
        let cold = !(self.used | self.dirty).rotate_right(first as u32);
        (cold != 0).then(|| (cold.trailing_zeros() as usize + first) % SEGMENTS)
    }

    /// The number of stretches of usable memory; those where huge pages were asked for, and where not, are two.
    pub(crate) const fn stretches(&self) -> u32 {
        let follows = self.committed & (self.whole << 1);
        let differs = follows & (self.huge ^ (self.huge << 1));
        (self.committed & !follows | differs).count_ones()
    }
}

/// Whether runs spare memory that is kept: in the hardened build it serves in its own place alone.
const SPARES_KEPT: bool = cfg!(feature = "hardened");

/// A place for a run of segments in an arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Its first segment.
    pub(crate) first: usize,
    /// How many of its segments have no memory behind them; in the hardened build, how many have some.
    pub(crate) unfit: usize,
    /// How many vacant segments lie beside it.
    pub(crate) spare: usize,
}

impl Arena {
    /// The place for `count` segments in a row that has the most memory behind it, or the least in the hardened build, and of
    /// several, that which leaves the least beside it. O(gaps).
    ///
    /// It looks at the places at either end of a gap, and where memory begins, or where there is none.
    pub(crate) fn vacant_run(&self, count: usize) -> Option<Gap> {
        let (vacant, dirty) = (!self.used, self.dirty);
        let starts = run_starts(vacant, count);
        let begin = |mask: u64| mask & !(mask << 1);
        let wanted = if SPARES_KEPT { vacant & !dirty } else { dirty };
        let mut places = starts & (begin(vacant) | begin(wanted) | !(starts >> 1));
        let mut best = None;
        while places != 0 {
            let first = places.trailing_zeros() as usize;
            places &= places - 1;
            let fit = (wanted & run_mask(first, count)).count_ones() as usize;
            let before = (vacant << (SEGMENTS - 1 - first) << 1).leading_ones();
            let after = (vacant >> (first + count - 1) >> 1).trailing_ones();
            let gap = Gap { first, unfit: count - fit, spare: (before + after) as usize };
            if best.is_none_or(|best: Gap| gap.is_better_than(best)) {
                best = Some(gap);
            }
        }
        best
    }
}

impl Gap {
    /// Whether less of it is unfit, or as much and less lies beside it.
    pub(crate) fn is_better_than(self, other: Self) -> bool {
        (self.unfit, self.spare) < (other.unfit, other.spare)
    }
}

/// The bits of the `count` segments from `first`.
pub(crate) const fn run_mask(first: usize, count: usize) -> u64 {
    debug_assert!(count > 0 && first + count <= SEGMENTS);
    (u64::MAX >> (SEGMENTS - count)) << first
}

/// The stretches of memory behind `segments`, each as its first segment and how many it has. A stretch goes on behind a
/// segment that is `whole`.
pub(crate) fn stretches(segments: u64, whole: u64) -> impl Iterator<Item = (usize, usize)> {
    let mut left = segments;
    core::iter::from_fn(move || {
        let first = left.trailing_zeros() as usize;
        let ones = left.checked_shr(first as u32)?.trailing_ones() as usize;
        let whole = (whole >> first).trailing_ones() as usize;
        let count = ones.min(whole + 1);
        left &= !run_mask(first, count);
        Some((first, count))
    })
}

/// The bits at which `count` ones in a row start. O(log count).
pub(crate) fn run_starts(mut ones: u64, count: usize) -> u64 {
    let mut length = 1;
    while length < count {
        let step = length.min(count - length);
        ones &= ones >> step;
        length += step;
    }
    ones
}

/// How many binary digits the length of the longest stretch of ones has; zero for none. O(log).
pub(crate) fn digits_of_longest(mut ones: u64) -> usize {
    let mut digits = 0;
    while ones != 0 {
        ones = if digits == LISTS - 1 { 0 } else { ones & ones >> (1 << digits) };
        digits += 1;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_reads_masks_and_links_that_lie_together() {
        assert!(memoffset::span_of!(Arena, used..=links).len() <= LINE * 3 / 4);
    }

    #[test]
    fn a_stretch_ends_behind_a_segment_that_is_usable_in_part() {
        let (committed, whole) =
            (run_mask(3, 6) | run_mask(63, 1), run_mask(3, 2) | run_mask(7, 2));
        // SAFETY: all zero is a vacant arena.
        let arena = Arena { committed, whole, ..unsafe { core::mem::zeroed() } };
        let found: std::vec::Vec<_> = stretches(committed, whole).collect();
        assert_eq!(found, [(3, 3), (6, 1), (7, 2), (63, 1)]);
        assert_eq!(arena.stretches() as usize, found.len());
        assert_eq!(stretches(u64::MAX, u64::MAX).collect::<std::vec::Vec<_>>(), [(0, 64)]);
    }

    #[test]
    fn the_longest_stretch_has_as_many_digits_as_by_the_naive_count() {
        let mut ones = 1_u64;
        for _ in 0..1000 {
            ones = ones.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23);
            for ones in [ones, ones | ones << 1, ones | ones >> 3, !0, 0, ones | !0 << 9] {
                let naive = stretches(ones, !0).map(|(_, count)| count).max().unwrap_or(0);
                let digits = naive.checked_ilog2().map_or(0, |log| log as usize + 1);
                assert_eq!(digits_of_longest(ones), digits, "{ones:b}");
            }
        }
    }

    #[cfg(feature = "hardened")]
    #[test]
    fn a_run_spares_memory_that_is_kept() {
        // SAFETY: all zero is a vacant arena.
        let mut arena: Arena = unsafe { core::mem::zeroed() };
        (arena.used, arena.dirty) = (run_mask(2, 2), run_mask(4, 40));
        assert_eq!(arena.vacant_run(2), Some(Gap { first: 0, unfit: 0, spare: 0 }));
        assert_eq!(arena.vacant_run(3), Some(Gap { first: 44, unfit: 0, spare: 57 }));
        assert_eq!(arena.vacant_run(22), Some(Gap { first: 42, unfit: 2, spare: 38 }));
    }

    #[cfg(not(feature = "hardened"))]
    #[test]
    fn memory_is_worth_more_than_a_tight_fit() {
        // SAFETY: all zero is a vacant arena.
        let mut arena: Arena = unsafe { core::mem::zeroed() };
        (arena.used, arena.dirty) = (run_mask(2, 2), run_mask(30, 2));
        assert_eq!(arena.vacant_run(2), Some(Gap { first: 30, unfit: 0, spare: 58 }));
    }

    #[cfg(not(feature = "hardened"))]
    #[test]
    fn a_run_goes_where_memory_is_and_fits_best() {
        // SAFETY: all zero is a vacant arena.
        let mut arena: Arena = unsafe { core::mem::zeroed() };
        let gap = |first, unfit, spare| Some(Gap { first, unfit, spare });
        assert_eq!(arena.vacant_run(3), gap(0, 3, 61));
        arena.dirty = run_mask(60, 4);
        assert_eq!(arena.vacant_run(6), gap(58, 2, 58));
        arena.dirty |= run_mask(20, 3);
        assert_eq!(arena.vacant_run(3), gap(20, 0, 61));
        arena.used = run_mask(18, 2) | run_mask(24, 39);
        assert_eq!(arena.vacant_run(4), gap(20, 1, 0));
        assert_eq!(arena.vacant_run(5), gap(0, 5, 13));
        // As warm, but it leaves less.
        arena.dirty |= run_mask(0, 18);
        assert_eq!(arena.vacant_run(3), gap(20, 0, 1));
        assert_eq!(arena.vacant_run(19), None);
    }
}
