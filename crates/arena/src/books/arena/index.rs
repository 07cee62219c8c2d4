//! An index of a partition's arenas with vacant segments, by how many of these are in a row.

use core::ptr::null_mut;

use crate::books::{
    arena::{Arena, digits_of_longest},
    broken::{Broken, expect},
    list::List,
};
use crate::plan::geometry::SEGMENTS;
use crate::thresholds::LOOKED_AT;

/// Lists, each for longest vacant runs of twice as many segments as the one before it.
pub(super) const LISTS: usize = SEGMENTS.ilog2() as usize + 1;

/// Lists of arenas by their longest vacant run, newest first. All zero is an empty index.
///
/// # Invariants
///
/// - [ARENA_INDEX-1: list] An arena's `listed` is the number of its list plus one, or zero if it is in none of these.
pub(crate) struct ArenaIndex {
    lists: [List<Arena>; LISTS],
}

/// The list for arenas whose longest vacant run is so many segments.
fn list_of(run: usize) -> usize {
    run.ilog2() as usize
}

impl ArenaIndex {
    /// Puts an arena in the list of its longest vacant run; in none if all segments are used.
    ///
    /// # Safety
    ///
    /// `arena` is a book that the caller alone may touch, and so is every listed one. No other index has it.
    pub(crate) unsafe fn place(&mut self, arena: *mut Arena) {
        // SAFETY: the caller alone may touch the book and every listed one, by this function's contract; once removed,
        // it is in no list.
        unsafe {
            let listed = digits_of_longest(!(*arena).used);
            if usize::from((*arena).listed) == listed {
                return;
            }
            self.remove(arena);
            (*arena).listed = listed as u8;
            if listed != 0 {
                self.lists[listed - 1].push_front(arena);
            }
        }
    }

    /// An arena that has memory behind vacant segments, one with a short vacant run before one with a long run; or else
    /// one without memory; or null.
    ///
    /// # Safety
    ///
    /// The caller alone may touch every listed book.
    pub(crate) unsafe fn warmest(&self) -> *mut Arena {
        // SAFETY: the caller alone may touch every listed book, by this function's contract; this changes no list.
        let all = || (0..LISTS).flat_map(|list| unsafe { self.newest(list) });
        // SAFETY: a listed book, which the caller alone may touch.
        let warm = all().find(|&arena| unsafe { (*arena).dirty != 0 });
        warm.or_else(|| all().next()).unwrap_or(null_mut())
    }

    /// The newest arenas of each list whose arenas may have `count` vacant segments in a row, tightest list first.
    ///
    /// # Safety
    ///
    /// The caller alone may touch every listed book, and changes no list meanwhile.
    pub(crate) unsafe fn with_run(
        &self,
        count: usize,
    ) -> impl Iterator<Item = impl Iterator<Item = *mut Arena>> {
        // SAFETY: the caller alone may touch every listed book, and changes no list meanwhile, by this function's
        // contract.
        (list_of(count)..LISTS).map(|list| unsafe { self.newest(list) })
    }

    /// The newest arenas of a list.
    ///
    /// # Safety
    ///
    /// As for [`with_run`](Self::with_run).
    unsafe fn newest(&self, list: usize) -> impl Iterator<Item = *mut Arena> + use<> {
        // SAFETY: the caller alone may touch every listed book, and changes no list meanwhile, by this function's
        // contract.
        unsafe { self.lists[list].iter() }.take(LOOKED_AT)
    }

    /// Checks the lists; returns how many arenas there are. O(arenas).
    ///
    /// # Safety
    ///
    /// The caller alone may touch every listed book.
    pub(crate) unsafe fn validate(&self) -> Result<usize, Broken> {
        let mut count = 0;
        for (number, list) in self.lists.iter().enumerate() {
            // SAFETY: the caller alone may touch every listed book, by this function's contract; nothing changes here.
            for arena in unsafe { list.iter() } {
                // SAFETY: a listed book, as above.
                let (listed, used) = unsafe { ((*arena).listed as usize, (*arena).used) };
                let belongs = digits_of_longest(!used) == number + 1;
                expect(belongs && listed == number + 1, "ARENA_INDEX-1: list")?;
            }
            // SAFETY: as above.
            count += unsafe { list.validate() }?;
        }
        Ok(count)
    }

    /// Forgets its arenas. The caller clears their `listed`.
    pub(crate) fn clear(&mut self) {
        self.lists = [const { List::EMPTY }; LISTS];
    }

    /// Takes an arena out, if it is listed.
    ///
    /// # Safety
    ///
    /// As for [`place`](Self::place).
    pub(crate) unsafe fn remove(&mut self, arena: *mut Arena) {
        // SAFETY: the caller alone may touch the book and every listed one, by this function's contract;
        // [ARENA_INDEX-1: list] a listed arena is in the list of that number.
        unsafe {
            let listed = core::mem::take(&mut (*arena).listed) as usize;
            if listed != 0 {
                self.lists[listed - 1].remove(arena);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::books::arena::run_mask;

    fn found(index: &ArenaIndex, count: usize) -> Vec<*mut Arena> {
        // SAFETY: the books are a test's own.
        unsafe { index.with_run(count) }.flatten().collect()
    }

    #[test]
    fn arenas_are_found_by_their_longest_vacant_run() {
        // SAFETY: all zero is a vacant arena.
        let mut books: [Arena; 3] = unsafe { core::mem::zeroed() };
        books[0].used = !run_mask(5, 3);
        books[1].used = !(run_mask(0, 9) | run_mask(20, 1));
        let [a, b, c] = books.each_mut().map(core::ptr::from_mut);
        let mut index = ArenaIndex { lists: [const { List::EMPTY }; LISTS] };
        // SAFETY: the books are this test's own.
        unsafe {
            for arena in [c, b, a] {
                index.place(arena);
            }
            assert_eq!(
                (found(&index, 2), found(&index, 8)),
                (Vec::from([a, b, c]), Vec::from([b, c]))
            );
            assert_eq!(index.warmest(), a);
            (*c).dirty = 1;
            assert_eq!(index.warmest(), c);
            (*b).used = u64::MAX;
            (*c).used = !run_mask(0, 2);
            index.place(b);
            index.place(c);
            assert_eq!((found(&index, 2), found(&index, 4).is_empty()), (Vec::from([c, a]), true));
            index.remove(c);
            index.remove(a);
        }
        assert!(found(&index, 1).is_empty());
    }
}
