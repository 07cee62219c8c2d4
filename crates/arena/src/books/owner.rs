//! Whose memory is: a heap, of which the books know nothing but where it stands.

use core::ptr::NonNull;

/// The address of the heap that owns an area, or the blocks of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Owner(NonNull<()>);

impl Owner {
    /// The heap that stands there. What reads it as a heap has to know that it is one.
    pub(crate) const fn at<H>(heap: NonNull<H>) -> Self {
        Self(heap.cast())
    }

    /// Where it stands.
    pub(crate) const fn heap<H>(self) -> NonNull<H> {
        self.0.cast()
    }

    /// Its address.
    pub(crate) fn addr(self) -> usize {
        self.0.addr().get()
    }
}
