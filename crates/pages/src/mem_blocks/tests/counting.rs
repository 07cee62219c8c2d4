//! A provider whose calls are counted, and refused at will.

use core::cell::{Cell, RefCell};
use std::vec::Vec;

use stratalloc_core::{PageProvider, PageRange, ProviderError};

/// A provider that counts calls and refuses those in `doomed`.
pub(super) struct Counting<P> {
    pub(super) inner: P,
    pub(super) calls: Cell<usize>,
    doomed: core::ops::Range<usize>,
    pub(super) held: RefCell<Vec<usize>>,
}

impl<P> Counting<P> {
    pub(super) fn new(inner: P, doomed: core::ops::Range<usize>) -> Self {
        Self { inner, calls: Cell::new(0), doomed, held: RefCell::default() }
    }

    fn admit(&self) -> Result<(), ProviderError> {
        let call = self.calls.replace(self.calls.get() + 1);
        let refused = ProviderError::System { errno: 12 };
        if self.doomed.contains(&call) { Err(refused) } else { Ok(()) }
    }
}

// SAFETY: every call that is let through goes to the provider inside.
unsafe impl<P: PageProvider> PageProvider for Counting<P> {
    const ZEROED: bool = P::ZEROED;
    const DECOMMITS: bool = P::DECOMMITS;

    fn page_size(&self) -> usize {
        self.inner.page_size()
    }

    fn reserve(&self, size: usize, align: usize) -> Result<PageRange, ProviderError> {
        self.admit()?;
        let range = self.inner.reserve(size, align)?;
        self.held.borrow_mut().push(range.start().addr().get());
        Ok(range)
    }

    fn commit(&self, range: &PageRange, offset: usize, size: usize) -> Result<(), ProviderError> {
        self.admit()?;
        self.inner.commit(range, offset, size)
    }

    unsafe fn decommit(
        &self,
        range: &PageRange,
        offset: usize,
        size: usize,
    ) -> Result<(), ProviderError> {
        self.admit()?;
        // SAFETY: the pages lie in the range, and nothing in them is used.
        unsafe { self.inner.decommit(range, offset, size) }
    }

    unsafe fn release(&self, range: PageRange) -> Result<(), (ProviderError, PageRange)> {
        if let Err(error) = self.admit() {
            return Err((error, range));
        }
        self.held.borrow_mut().retain(|&start| start != range.start().addr().get());
        // SAFETY: the range is this provider's, and nothing in it is used.
        unsafe { self.inner.release(range) }
    }
}
