//! Intrusive lists of books: the links are in the books themselves.

use core::ptr::null_mut;

use crate::books::broken::{Broken, expect};

/// A book's neighbours in the list that it is in. All zero is none.
pub(crate) struct Links<T> {
    next: *mut T,
    prev: *mut T,
}

impl<T> Links<T> {
    pub(crate) const NONE: Self = Self { next: null_mut(), prev: null_mut() };
}

/// A book with links of its own, for one list at a time.
pub(crate) trait Linked: Sized {
    fn links(&mut self) -> &mut Links<Self>;
}

/// Books in a row. All zero is an empty list.
///
/// # Invariants
///
/// - [LIST-1: links] It links exactly the books that were pushed and not removed, in both directions.
pub(crate) struct List<T> {
    first: *mut T,
    last: *mut T,
}

impl<T: Linked> List<T> {
    pub(crate) const EMPTY: Self = Self { first: null_mut(), last: null_mut() };

    /// The first book, or null.
    pub(crate) const fn first(&self) -> *mut T {
        self.first
    }

    /// Adds a book in front.
    ///
    /// # Safety
    ///
    /// The caller alone may touch `book`, which is in no list, and every book of this one.
    pub(crate) unsafe fn push_front(&mut self, book: *mut T) {
        let first = core::mem::replace(&mut self.first, book);
        // SAFETY: the caller alone may touch `book` and every book of this list, by this function's contract;
        // [LIST-1: links] the first is one of these.
        unsafe {
            *(*book).links() = Links { next: first, prev: null_mut() };
            match first.as_mut() {
                Some(first) => first.links().prev = book,
                None => self.last = book,
            }
        }
    }

    /// Adds a book at the end.
    ///
    /// # Safety
    ///
    /// As for [`push_front`](Self::push_front).
    pub(crate) unsafe fn push_back(&mut self, book: *mut T) {
        let last = core::mem::replace(&mut self.last, book);
        // SAFETY: the caller alone may touch `book` and every book of this list, by this function's contract;
        // [LIST-1: links] the last is one of these.
        unsafe {
            *(*book).links() = Links { next: null_mut(), prev: last };
            match last.as_mut() {
                Some(last) => last.links().next = book,
                None => self.first = book,
            }
        }
    }

    /// Takes a book out.
    ///
    /// # Safety
    ///
    /// It is in this list, and the caller alone may touch every book of it.
    pub(crate) unsafe fn remove(&mut self, book: *mut T) {
        // SAFETY: the caller alone may touch every book of this list, by this function's contract; [LIST-1: links] the
        // neighbours are among these.
        unsafe {
            let Links { next, prev } = core::mem::replace((*book).links(), Links::NONE);
            match prev.as_mut() {
                Some(prev) => prev.links().next = next,
                None => self.first = next,
            }
            match next.as_mut() {
                Some(next) => next.links().prev = prev,
                None => self.last = prev,
            }
        }
    }

    /// The books, first to last.
    ///
    /// # Safety
    ///
    /// The caller alone may touch them, and doesn't change the list meanwhile.
    pub(crate) unsafe fn iter(&self) -> impl Iterator<Item = *mut T> + use<T> {
        let some = |book: *mut T| (!book.is_null()).then_some(book);
        // SAFETY: the caller alone may touch the books, and changes no list meanwhile, by this function's contract;
        // [LIST-1: links] each link leads to one of them.
        core::iter::successors(some(self.first), move |&book| some(unsafe { (*book).links().next }))
    }

    /// Checks the links; returns how many books there are. O(books).
    ///
    /// # Safety
    ///
    /// As for [`iter`](Self::iter).
    pub(crate) unsafe fn validate(&self) -> Result<usize, Broken> {
        let (mut before, mut count) = (null_mut(), 0);
        // SAFETY: the caller alone may touch the books, by this function's contract; nothing changes here.
        for book in unsafe { self.iter() } {
            // SAFETY: a book of this list, as above.
            expect(unsafe { (*book).links().prev } == before, "LIST-1: links")?;
            (before, count) = (book, count + 1);
        }
        expect(before == self.last, "LIST-1: links")?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    struct Book(Links<Self>);

    impl Linked for Book {
        fn links(&mut self) -> &mut Links<Self> {
            &mut self.0
        }
    }

    #[test]
    fn books_come_in_order_but_for_those_removed() {
        let mut books = [const { Book(Links::NONE) }; 4];
        let [a, b, c, d] = books.each_mut().map(core::ptr::from_mut);
        let mut list = List::EMPTY;
        let found = |list: &List<Book>| {
            // SAFETY: the books are this test's own.
            let books: Vec<_> = unsafe { list.iter() }.collect();
            // SAFETY: as above.
            assert_eq!(unsafe { list.validate() }, Ok(books.len()));
            books
        };
        // SAFETY: the books are this test's own.
        unsafe {
            list.push_back(b);
            list.push_back(c);
            list.push_front(a);
            list.push_back(d);
            assert_eq!((found(&list), list.first()), (Vec::from([a, b, c, d]), a));
            list.remove(b);
            list.remove(d);
            assert_eq!(found(&list), [a, c]);
            list.remove(a);
            list.push_front(d);
            assert_eq!(found(&list), [d, c]);
            list.remove(c);
            list.remove(d);
        }
        assert!(found(&list).is_empty() && list.first().is_null());
    }

    #[test]
    fn a_link_that_leads_elsewhere_is_found() {
        let mut books = [const { Book(Links::NONE) }; 2];
        let [a, b] = books.each_mut().map(core::ptr::from_mut);
        let mut list = List::EMPTY;
        // SAFETY: the books are this test's own.
        unsafe {
            list.push_back(a);
            list.push_back(b);
            (*b).links().prev = null_mut();
            assert!(list.validate().is_err());
            (*b).links().prev = a;
            list.last = a;
            assert!(list.validate().is_err());
        }
    }
}
