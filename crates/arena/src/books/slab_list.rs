//! The list of one bin's slabs that have blocks to hand out.

use core::ptr::null_mut;

use crate::{
    books::{
        broken::{Broken, expect},
        slab::Segment,
    },
    plan::bins::Bin,
};

/// Slabs in the order in which they came to have free blocks, oldest first: those had most time to get more,
/// or to become empty. All zero is an empty list.
///
/// # Invariants
///
/// - [SLAB_LIST-1: links] It links exactly the books that were added and not removed, both ways; those and no others say
///   that they are `listed`.
pub(crate) struct SlabList {
    first: *mut Segment,
    last: *mut Segment,
}

impl SlabList {
    pub(crate) const EMPTY: Self = Self { first: null_mut(), last: null_mut() };

    /// Adds a slab at the end, unless it is listed.
    ///
    /// # Safety
    ///
    /// `slab` is a book that the caller alone may touch, of this list or none, and so is every listed one.
    pub(crate) unsafe fn add(&mut self, slab: *mut Segment) {
        // SAFETY: the caller's promise; [SLAB_LIST-1] the last is a listed book.
        unsafe {
            if (*slab).listed {
                return;
            }
            (*slab).listed = true;
            (*slab).next = null_mut();
            (*slab).prev = self.last;
            match self.last.as_mut() {
                Some(last) => last.next = slab,
                None => self.first = slab,
            }
        }
        self.last = slab;
    }

    /// Takes a slab out, if it is listed.
    ///
    /// # Safety
    ///
    /// As for [`add`](Self::add).
    pub(crate) unsafe fn remove(&mut self, slab: *mut Segment) {
        // SAFETY: the caller's promise; [SLAB_LIST-1] the neighbours are listed books.
        unsafe {
            if !(*slab).listed {
                return;
            }
            (*slab).listed = false;
            let (next, prev) = ((*slab).next, (*slab).prev);
            match prev.as_mut() {
                Some(prev) => prev.next = next,
                None => self.first = next,
            }
            match next.as_mut() {
                Some(next) => next.prev = prev,
                None => self.last = prev,
            }
        }
    }

    /// Takes the oldest out that has free blocks; null if there is none. O(slabs).
    ///
    /// # Safety
    ///
    /// The caller alone may touch every listed book.
    pub(crate) unsafe fn pop_free(&mut self) -> *mut Segment {
        let mut slab = self.first;
        // SAFETY: the caller's promise; [SLAB_LIST-1] the books are listed here.
        unsafe {
            while !slab.is_null() && (*slab).free == 0 {
                slab = (*slab).next;
            }
            if !slab.is_null() {
                self.remove(slab);
            }
        }
        slab
    }

    /// Checks the links, and that all slabs are of a bin; returns how many there are. O(slabs).
    ///
    /// # Safety
    ///
    /// The caller alone may touch every listed book.
    pub(crate) unsafe fn validate(&self, bin: Bin) -> Result<usize, Broken> {
        let (mut slab, mut before, mut count) = (self.first, null_mut(), 0);
        // SAFETY: the caller's promise; [SLAB_LIST-1: links] the books are listed here.
        while let Some(book) = unsafe { slab.as_ref() } {
            expect(book.listed && book.prev == before, "SLAB_LIST-1: links")?;
            expect(book.bin == bin, "POOLS-2: slabs")?;
            (before, slab, count) = (slab, book.next, count + 1);
        }
        expect(before == self.last || self.first.is_null(), "SLAB_LIST-1: links")?;
        Ok(count)
    }

    /// Takes the oldest out; null if there is none.
    ///
    /// # Safety
    ///
    /// The caller alone may touch every listed book.
    pub(crate) unsafe fn pop(&mut self) -> *mut Segment {
        let slab = self.first;
        if !slab.is_null() {
            // SAFETY: the caller's promise; [SLAB_LIST-1] it is listed here.
            unsafe { self.remove(slab) };
        }
        slab
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
