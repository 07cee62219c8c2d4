//! Lists of a bin's slabs that have blocks to hand out.

use core::ptr::null_mut;

use crate::{
    books::{
        broken::{Broken, expect},
        list::List,
        slab::Segment,
    },
    plan::bins::Bin,
};

/// Slabs in the order in which they came to have free blocks, oldest first: the oldest had most time to get more, or to
/// become empty. All zero is an empty list.
///
/// # Invariants
///
/// - [SLAB_LIST-1: listed] The books in it are `listed`, and no others of its bin are.
pub(crate) struct SlabList(List<Segment>);

impl SlabList {
    pub(crate) const EMPTY: Self = Self(List::EMPTY);

    /// Whether no slab is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.first().is_null()
    }

    /// Adds a slab at the end, unless it is listed.
    ///
    /// # Safety
    ///
    /// `slab` is a book that the caller alone may touch, of this list or none, and so is every listed one.
    pub(crate) unsafe fn add(&mut self, slab: *mut Segment) {
        // SAFETY: the caller alone may touch `slab` and every listed book, by this function's contract;
        // [SLAB_LIST-1: listed] one that isn't listed is in no list.
        unsafe {
            if !core::mem::replace(&mut (*slab).listed, true) {
                self.0.push_back(slab);
            }
        }
    }

    /// Takes a slab out, if it is listed.
    ///
    /// # Safety
    ///
    /// As for [`add`](Self::add).
    pub(crate) unsafe fn remove(&mut self, slab: *mut Segment) {
        // SAFETY: the caller alone may touch `slab` and every listed book, by this function's contract;
        // [SLAB_LIST-1: listed] a listed one is in this list.
        unsafe {
            if core::mem::replace(&mut (*slab).listed, false) {
                self.0.remove(slab);
            }
        }
    }

    /// Takes the oldest slab out that is as wanted, of the `most` oldest; null if none is. O(`most`).
    ///
    /// # Safety
    ///
    /// The caller alone may touch every listed book.
    pub(crate) unsafe fn pop_where(
        &mut self,
        most: usize,
        is_wanted: impl Fn(&Segment) -> bool,
    ) -> *mut Segment {
        // SAFETY: the caller alone may touch the listed books, by this function's contract; the list changes only once
        // the search is over, and the book found is one of it.
        unsafe {
            let found = self.0.iter().take(most).find(|&slab| is_wanted(&*slab));
            let slab = found.unwrap_or(null_mut());
            if !slab.is_null() {
                self.remove(slab);
            }
            slab
        }
    }

    /// Takes the oldest slab out; null if there is none.
    ///
    /// # Safety
    ///
    /// The caller alone may touch every listed book.
    pub(crate) unsafe fn pop(&mut self) -> *mut Segment {
        let slab = self.0.first();
        if !slab.is_null() {
            // SAFETY: a book of this list, all of which the caller alone may touch, by this function's contract.
            unsafe { self.remove(slab) };
        }
        slab
    }

    /// Checks the links, and that all slabs are of a bin; returns how many there are. O(slabs).
    ///
    /// # Safety
    ///
    /// The caller alone may touch every listed book.
    pub(crate) unsafe fn validate(&self, bin: Bin) -> Result<usize, Broken> {
        // SAFETY: the caller alone may touch every listed book, by this function's contract; nothing changes here.
        unsafe {
            for book in self.0.iter() {
                expect((*book).listed, "SLAB_LIST-1: listed")?;
                expect((*book).bin == bin, "POOLS-2: slabs")?;
            }
            self.0.validate()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slabs_come_in_the_order_they_were_added_but_for_those_removed() {
        // SAFETY: all zero is a segment that was never used.
        let mut books: [Segment; 4] = unsafe { core::mem::zeroed() };
        let [a, b, c, d] = books.each_mut().map(core::ptr::from_mut);
        let mut list = SlabList::EMPTY;
        // SAFETY: the books are this test's own.
        unsafe {
            for slab in [a, b, c, d, b] {
                list.add(slab);
            }
            for slab in [b, b, d] {
                list.remove(slab);
            }
            list.add(b);
            assert_eq!([list.pop(), list.pop(), list.pop()], [a, c, b]);
            assert!(list.pop().is_null());
            list.add(d);
            assert_eq!(list.pop(), d);
        }
    }
}
