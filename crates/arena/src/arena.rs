//! One arena's book: what its 64 segments serve, as masks.

use crate::geometry::{Partition, SEGMENTS};

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
}

/// Vacant arenas in a row that somebody wants.
#[derive(Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) partition: Partition,
    /// How many.
    pub(crate) count: usize,
    pub(crate) purpose: Use,
    /// How many more must be vacant in their area.
    pub(crate) keep: u32,
    /// Whether only those will do that have memory behind them.
    pub(crate) warm: bool,
}

/// The book of one arena. All zero is a vacant arena that was never used.
///
/// # Invariants
///
/// - [A1: dirty] A segment in `dirty` is not in `used`; its book's `touched` isn't zero.
/// - [A2: listed] An arena of [`Use::SEGMENTS`] is listed exactly if its heap's list of its partition holds it;
///   one that has a segment to offer is always listed.
#[repr(C, align(64))]
pub(crate) struct Arena {
    /// Segments that serve something.
    pub(crate) used: u64,
    /// Vacant segments with memory behind them.
    pub(crate) dirty: u64,
    /// Segments whose memory may be used without asking the system.
    pub(crate) committed: u64,
    /// The neighbours in the list.
    pub(crate) next: *mut Arena,
    pub(crate) prev: *mut Arena,
    /// What it serves.
    pub(crate) purpose: Use,
    /// Whether it is in that list.
    pub(crate) listed: bool,
    /// Arenas of the block that starts here, in an arena of [`Use::WHOLE`]; zero in those that follow.
    pub(crate) span: u16,
}

impl Arena {
    /// The segment to use next: one that is warm, if there is one, else the next from `first` on.
    pub(crate) fn vacant_segment(&self, first: usize) -> Option<usize> {
        let vacant = !self.used;
        let warm = vacant & self.dirty;
        let choice = if warm == 0 { vacant } else { warm }.rotate_right(first as u32);
        (choice != 0).then(|| (choice.trailing_zeros() as usize + first) % SEGMENTS)
    }
}

/// A place for a run of segments in an arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Its first segment.
    pub(crate) first: usize,
    /// How many of its segments have memory behind them.
    pub(crate) warm: u32,
}

impl Arena {
    /// The place for `count` segments in a row that has the most memory behind it. O(gaps).
    ///
    /// Looked at are the places at either end of a gap, and where memory begins.
    pub(crate) fn vacant_run(&self, count: usize) -> Option<Gap> {
        let (vacant, dirty) = (!self.used, self.dirty);
        let starts = run_starts(vacant, count);
        let begin = |mask: u64| mask & !(mask << 1);
        let mut places = starts & (begin(vacant) | begin(dirty) | !(starts >> 1));
        let mut best = None;
        while places != 0 {
            let first = places.trailing_zeros() as usize;
            places &= places - 1;
            let gap = Gap { first, warm: (dirty & run_mask(first, count)).count_ones() };
            if best.is_none_or(|best: Gap| best.warm < gap.warm) {
                best = Some(gap);
            }
        }
        best
    }
}

/// The bits of the `count` segments from `first`.
pub(crate) const fn run_mask(first: usize, count: usize) -> u64 {
    debug_assert!(count > 0 && first + count <= SEGMENTS);
    (u64::MAX >> (SEGMENTS - count)) << first
}

/// The first bit and the length of each stretch of ones.
pub(crate) fn runs(mut ones: u64) -> impl Iterator<Item = (usize, usize)> {
    core::iter::from_fn(move || {
        let first = ones.trailing_zeros() as usize;
        let count = ones.checked_shr(first as u32)?.trailing_ones() as usize;
        ones &= !run_mask(first, count);
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

/// Arenas of a list that are looked at for memory.
const LOOKED_AT: usize = 8;

/// The list of a partition's arenas that have segments to offer, newest first. All zero is an empty one.
///
/// # Invariants
///
/// - [L1: links] It links exactly the arenas that were pushed and not removed, both ways.
pub(crate) struct ArenaList {
    head: *mut Arena,
}

impl ArenaList {
    /// An arena among the newest that has memory behind vacant segments, or the newest, or null.
    ///
    /// # Safety
    ///
    /// The caller alone may touch every listed book.
    pub(crate) unsafe fn warmest(&self) -> *mut Arena {
        // SAFETY: the caller's promise; [L1].
        let is_warm = |&arena: &*mut Arena| unsafe { (*arena).dirty != 0 };
        // SAFETY: the caller's promise.
        unsafe { self.newest() }.find(is_warm).unwrap_or(self.head)
    }

    /// The newest arenas, so many that looking at them all is cheap beside a page fault.
    ///
    /// # Safety
    ///
    /// The caller alone may touch every listed book, and changes no list meanwhile.
    pub(crate) unsafe fn newest(&self) -> impl Iterator<Item = *mut Arena> + use<> {
        let some = |arena: *mut Arena| (!arena.is_null()).then_some(arena);
        // SAFETY: the caller's promise; [L1].
        core::iter::successors(some(self.head), move |&arena| some(unsafe { (*arena).next }))
            .take(LOOKED_AT)
    }

    /// Forgets its arenas, whose books the caller sees to.
    pub(crate) fn clear(&mut self) {
        self.head = core::ptr::null_mut();
    }

    /// Puts an arena in front.
    ///
    /// # Safety
    ///
    /// `arena` is a book that the caller alone may touch, and so is every listed one.
    pub(crate) unsafe fn push(&mut self, arena: *mut Arena) {
        // SAFETY: the caller's promise; [L1] the head is a listed book.
        unsafe {
            debug_assert!(!(*arena).listed);
            (*arena).listed = true;
            (*arena).next = self.head;
            (*arena).prev = core::ptr::null_mut();
            if !self.head.is_null() {
                (*self.head).prev = arena;
            }
        }
        self.head = arena;
    }

    /// Takes an arena out.
    ///
    /// # Safety
    ///
    /// `arena` is in this list, and the caller alone may touch every listed book.
    pub(crate) unsafe fn remove(&mut self, arena: *mut Arena) {
        // SAFETY: the caller's promise; [L1] the neighbours are listed books.
        unsafe {
            debug_assert!((*arena).listed);
            (*arena).listed = false;
            let (next, prev) = ((*arena).next, (*arena).prev);
            if prev.is_null() {
                self.head = next;
            } else {
                (*prev).next = next;
            }
            if !next.is_null() {
                (*next).prev = prev;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_ones_are_found() {
        assert_eq!(runs(0).count(), 0);
        assert_eq!(runs(u64::MAX).collect::<std::vec::Vec<_>>(), [(0, 64)]);
        let ones = run_mask(0, 1) | run_mask(7, 5) | run_mask(63, 1);
        assert_eq!(runs(ones).collect::<std::vec::Vec<_>>(), [(0, 1), (7, 5), (63, 1)]);
    }

    #[test]
    fn lists_keep_what_was_pushed_and_not_removed() {
        // SAFETY: all zero is a vacant arena.
        let mut books: [Arena; 3] = unsafe { core::mem::zeroed() };
        let [a, b, c] = books.each_mut().map(core::ptr::from_mut);
        let mut list = ArenaList { head: core::ptr::null_mut() };
        // SAFETY: the books are this test's own.
        unsafe {
            list.push(a);
            list.push(b);
            list.push(c);
            list.remove(b);
            assert_eq!((list.head, (*c).next, (*a).prev), (c, a, c));
            assert_eq!(list.warmest(), c);
            (*a).dirty = 1;
            assert_eq!(list.warmest(), a);
            list.remove(c);
            list.remove(a);
        }
        assert!(list.head.is_null());
    }

    #[test]
    fn a_run_goes_where_memory_is() {
        // SAFETY: all zero is a vacant arena.
        let mut arena: Arena = unsafe { core::mem::zeroed() };
        assert_eq!(arena.vacant_run(3), Some(Gap { first: 0, warm: 0 }));
        arena.dirty = run_mask(60, 4);
        assert_eq!(arena.vacant_run(6), Some(Gap { first: 58, warm: 4 }));
        arena.dirty |= run_mask(20, 3);
        assert_eq!(arena.vacant_run(3), Some(Gap { first: 20, warm: 3 }));
        arena.used = run_mask(18, 2) | run_mask(24, 39);
        assert_eq!(arena.vacant_run(4), Some(Gap { first: 20, warm: 3 }));
        assert_eq!(arena.vacant_run(5), Some(Gap { first: 0, warm: 0 }));
        assert_eq!(arena.vacant_run(19), None);
    }
}
