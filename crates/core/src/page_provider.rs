//! Memory from outside: the contract between allocators and whatever gives them pages.

use core::ptr::NonNull;

use crate::ProviderError;

/// A range of address space that its holder alone has from a [`PageProvider`].
///
/// It is move-only: giving it to [`PageProvider::release`] is the only way to give it back, and it
/// can happen once. Dropping it leaks the range, so it must be used.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a dropped range is leaked: give it back with `PageProvider::release`"]
pub struct PageRange {
    start: NonNull<u8>,
    size: usize,
}

// SAFETY: the range is owned by its holder alone; nothing in it belongs to a thread.
unsafe impl Send for PageRange {}

impl PageRange {
    /// Returns a range of `size` bytes from `start`.
    ///
    /// # Safety
    ///
    /// The caller is a provider that hands the range out, or owns it by [`into_raw`](Self::into_raw),
    /// and forms no second `PageRange` of it.
    pub const unsafe fn from_raw(start: NonNull<u8>, size: usize) -> Self {
        Self { start, size }
    }

    /// Gives up the ownership: the address and size in bytes, from which
    /// [`from_raw`](Self::from_raw) forms the range again.
    pub const fn into_raw(self) -> (NonNull<u8>, usize) {
        (self.start, self.size)
    }

    /// Returns the first byte.
    pub const fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Returns its size in bytes, a multiple of the provider's page size.
    pub const fn size(&self) -> usize {
        self.size
    }
}

/// Reserves, commits, decommits and releases ranges of pages.
///
/// Sizes, offsets and alignments are bytes and multiples of [`page_size`](Self::page_size);
/// alignments are powers of two besides. Zero, or anything else, is
/// [`ProviderError::Misaligned`].
///
/// # Safety
///
/// - A reserved range belongs to the caller alone until it is released, and is aligned as asked.
/// - Committed memory can be read and written; its content is zero where [`ZEROED`](Self::ZEROED).
/// - A failed call changes nothing.
///
/// # Example
///
/// ```
/// # use stratalloc_testkit::TestPages;
/// use stratalloc_core::{PageProvider, ProviderError};
///
/// # let pages = TestPages::new(4096);
/// let page = pages.page_size();
/// let range = pages.reserve(16 * page, 8 * page)?;
/// pages.commit(&range, 0, page)?;
/// // SAFETY: the first page is committed, and ours.
/// unsafe { range.start().write(1) };
/// // SAFETY: the range is of this provider, and nothing in it is live any more.
/// unsafe { pages.release(range) }.map_err(|(error, _still_ours)| error)?;
/// # Ok::<(), ProviderError>(())
/// ```
pub unsafe trait PageProvider {
    /// Whether memory reads as zero when it is committed for the first time, or again after a
    /// decommit.
    const ZEROED: bool;

    /// Whether [`decommit`](Self::decommit) gives memory back; where not, it does nothing.
    const DECOMMITS: bool;

    /// Returns the size of a page in bytes, a power of two.
    fn page_size(&self) -> usize;

    /// Takes `size` bytes of address space aligned to `align`. Nothing of it may be touched before
    /// it is committed.
    fn reserve(&self, size: usize, align: usize) -> Result<PageRange, ProviderError>;

    /// Makes `size` bytes from `offset` usable. Committing twice does no harm and keeps the content; nor does it
    /// harm a range of another provider, which is its holder's alone as well.
    fn commit(&self, range: &PageRange, offset: usize, size: usize) -> Result<(), ProviderError>;

    /// Gives the memory of `size` bytes from `offset` back; the addresses stay reserved.
    ///
    /// # Safety
    ///
    /// Nothing live lies in these bytes.
    unsafe fn decommit(
        &self,
        range: &PageRange,
        offset: usize,
        size: usize,
    ) -> Result<(), ProviderError>;

    /// Gives the whole range back; on failure the caller still owns it.
    ///
    /// # Safety
    ///
    /// Nothing live lies in the range, and it came from this provider.
    unsafe fn release(&self, range: PageRange) -> Result<(), (ProviderError, PageRange)>;

    /// Reserves and commits in one step.
    fn reserve_committed(&self, size: usize, align: usize) -> Result<PageRange, ProviderError> {
        let range = self.reserve(size, align)?;
        match self.commit(&range, 0, size) {
            Ok(()) => Ok(range),
            Err(error) => {
                // SAFETY: the range is new, from this provider, and nothing lies in it. Should even
                // this fail, the range is leaked: no memory stands behind it.
                let _ = unsafe { self.release(range) };
                Err(error)
            }
        }
    }
}

// SAFETY: every call goes to the one provider behind the reference.
unsafe impl<P: PageProvider + ?Sized> PageProvider for &P {
    const ZEROED: bool = P::ZEROED;
    const DECOMMITS: bool = P::DECOMMITS;

    fn page_size(&self) -> usize {
        (**self).page_size()
    }

    fn reserve(&self, size: usize, align: usize) -> Result<PageRange, ProviderError> {
        (**self).reserve(size, align)
    }

    fn commit(&self, range: &PageRange, offset: usize, size: usize) -> Result<(), ProviderError> {
        (**self).commit(range, offset, size)
    }

    unsafe fn decommit(
        &self,
        range: &PageRange,
        offset: usize,
        size: usize,
    ) -> Result<(), ProviderError> {
        // SAFETY: the pages lie in the range, and nothing in them is used.
        unsafe { (**self).decommit(range, offset, size) }
    }

    unsafe fn release(&self, range: PageRange) -> Result<(), (ProviderError, PageRange)> {
        // SAFETY: the range is this provider's, and nothing in it is used.
        unsafe { (**self).release(range) }
    }

    fn reserve_committed(&self, size: usize, align: usize) -> Result<PageRange, ProviderError> {
        (**self).reserve_committed(size, align)
    }
}
