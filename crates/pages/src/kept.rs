//! Memory that can't be given back to where it came from, kept for the next use.

use core::{
    cell::Cell,
    ptr::{NonNull, with_exposed_provenance_mut},
};

type Link = Option<NonNull<Stretch>>;

/// What a kept stretch holds at its start.
#[derive(Debug)]
struct Stretch {
    next: Cell<Link>,
    size: Cell<usize>,
}

impl Stretch {
    /// Returns its first address, and the one behind its last.
    fn bounds(&self) -> (usize, usize) {
        let start = core::ptr::from_ref(self).addr();
        (start, start + self.size.get())
    }
}

/// Stretches of memory by address; neighbours are one.
///
/// # Invariants
///
/// - [KEPT-1: owned] Each [`Stretch`] in the list begins `size` bytes that are the list's alone, a multiple of its own
///   size, and whose provenance is exposed.
/// - [KEPT-2: apart] Each lies above the one before it in the list, and doesn't touch it.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    first: Cell<Link>,
}

// SAFETY: the list is reached from the one value alone; nothing in it belongs to a thread.
unsafe impl Send for Kept {}

impl Kept {
    /// Returns a list that holds nothing.
    pub(crate) const fn new() -> Self {
        Self { first: Cell::new(None) }
    }

    /// Takes `size` bytes from the front of the lowest stretch that has as many.
    ///
    /// # Safety
    ///
    /// The size is a multiple of that of a [`Stretch`], but not zero.
    pub(crate) unsafe fn take(&self, size: usize) -> Option<NonNull<u8>> {
        let mut link = &self.first;
        loop {
            let start = link.get()?;
            // SAFETY: in the list, so ours [KEPT-1].
            let stretch = unsafe { start.as_ref() };
            if stretch.size.get() < size {
                link = &stretch.next;
                continue;
            }
            let (start, end) = stretch.bounds();
            let next = stretch.next.get();
            let rest = start + size;
            // SAFETY: what is left of the stretch is still the list's, and lies where it did [KEPT-1].
            link.set(if rest == end { next } else { unsafe { write(rest, end - rest, next) } });
            return NonNull::new(with_exposed_provenance_mut(start));
        }
    }

    /// Keeps `size` bytes.
    ///
    /// # Safety
    ///
    /// They are the caller's, who uses them no more. The start is aligned to a [`Stretch`], and the size a multiple of its
    /// size, but not zero.
    pub(crate) unsafe fn give(&self, start: NonNull<u8>, size: usize) {
        let start = start.as_ptr().expose_provenance();
        let (below, above) = self.around(start);
        let (mut end, mut next) = (start + size, above);
        if let Some(above) = above {
            // SAFETY: in the list, so ours [KEPT-1].
            let above = unsafe { above.as_ref() };
            if above.bounds().0 == end {
                (end, next) = (above.bounds().1, above.next.get());
            }
        }
        // SAFETY: the caller gives the bytes up; with what lay above they are the list's [KEPT-1].
        let entered = || unsafe { write(start, end - start, next) };
        match below {
            None => self.first.set(entered()),
            Some(below) if below.bounds().1 == start => {
                below.size.set(end - below.bounds().0);
                below.next.set(next);
            }
            Some(below) => below.next.set(entered()),
        }
    }

    /// Returns the stretches next to an address that is in none.
    fn around(&self, address: usize) -> (Option<&Stretch>, Link) {
        let (mut below, mut link) = (None, self.first.get());
        while let Some(start) = link {
            if start.addr().get() > address {
                break;
            }
            // SAFETY: in the list, so ours [KEPT-1].
            let stretch = unsafe { start.as_ref() };
            (below, link) = (Some(stretch), stretch.next.get());
        }
        (below, link)
    }
}

/// Writes what a kept stretch holds, and returns the link to it.
///
/// # Safety
///
/// As for [`Kept::give`], with exposed provenance.
unsafe fn write(start: usize, size: usize, next: Link) -> Link {
    let stretch = NonNull::new(with_exposed_provenance_mut::<Stretch>(start))?;
    // SAFETY: the bytes are the caller's, aligned, and as many as a stretch has.
    unsafe { stretch.write(Stretch { next: Cell::new(next), size: Cell::new(size) }) };
    Some(stretch)
}

#[cfg(test)]
mod tests;
