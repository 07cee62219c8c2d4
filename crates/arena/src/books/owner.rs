//! Owners: heaps, of which the books know nothing but their addresses.

use core::ptr::NonNull;

/// The address of the heap that owns an area, or the blocks of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Owner(NonNull<()>);

impl Owner {
    /// The heap at this address. Only code that knows it to be a heap may read it as one.
    pub(crate) const fn at<H>(heap: NonNull<H>) -> Self {
        Self(heap.cast())
    }

    /// The heap's address, as a pointer.
    pub(crate) const fn heap<H>(self) -> NonNull<H> {
        self.0.cast()
    }

    /// The heap's address.
    pub(crate) fn addr(self) -> usize {
        self.0.addr().get()
    }
}
