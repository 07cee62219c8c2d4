//! Pages of the operating system.

use core::ptr::NonNull;

use stratalloc_core::{PageProvider, PageRange, ProviderError};

use crate::{
    os,
    request::{check, check_part},
};

/// The operating system's pages: `mmap`, or `VirtualAlloc` on Windows.
///
/// What is reserved has no memory and no swap behind it and can't be accessed. What is committed
/// gets its memory page by page, when it is first touched. Every method is one to four system calls
/// (some microseconds; more on Windows where `align` is above its 64 KiB) and may be called from any thread, or
/// from a signal handler.
///
/// A refusal of the system is [`ProviderError::OutOfMemory`], or [`ProviderError::System`] with its
/// error number.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mmap;

// SAFETY: a reservation is a new mapping, which the system gives to no one else until it is
// unmapped; `os` aligns it, and its memory reads as zero, also after a decommit. The system's calls change
// nothing when they fail.
unsafe impl PageProvider for Mmap {
    const ZEROED: bool = true;
    const DECOMMITS: bool = true;

    #[inline]
    fn page_size(&self) -> usize {
        os::page_size()
    }

    fn reserve(&self, size: usize, align: usize) -> Result<PageRange, ProviderError> {
        check(size, align, self.page_size())?;
        let start = os::reserve(size, align)?;
        // SAFETY: a new mapping, which we alone know.
        Ok(unsafe { PageRange::from_raw(start, size) })
    }

    fn commit(&self, range: &PageRange, offset: usize, size: usize) -> Result<(), ProviderError> {
        let start = part(range, offset, size)?;
        // SAFETY: the part lies in a range that is its holder's alone, from any provider.
        unsafe { os::commit(start, size) }
    }

    unsafe fn decommit(
        &self,
        range: &PageRange,
        offset: usize,
        size: usize,
    ) -> Result<(), ProviderError> {
        let start = part(range, offset, size)?;
        // SAFETY: the part lies in a range that its holder has from us; the caller promises that
        // nothing lives in it.
        unsafe { os::decommit(start, size) }
    }

    unsafe fn release(&self, range: PageRange) -> Result<(), (ProviderError, PageRange)> {
        // SAFETY: the range is its holder's alone, and the caller promises that nothing lives in it.
        unsafe { os::unmap(range.start(), range.size()) }.map_err(|error| (error, range))
    }

    /// One system call where the general way takes two.
    fn reserve_committed(&self, size: usize, align: usize) -> Result<PageRange, ProviderError> {
        check(size, align, self.page_size())?;
        let start = os::map(size, align)?;
        // SAFETY: a new mapping, which we alone know.
        Ok(unsafe { PageRange::from_raw(start, size) })
    }
}

/// Returns the first byte of a part of a range.
fn part(range: &PageRange, offset: usize, size: usize) -> Result<NonNull<u8>, ProviderError> {
    check_part(range, offset, size, os::page_size())?;
    // SAFETY: the offset lies within the range.
    Ok(unsafe { range.start().add(offset) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_goes_through_its_life() {
        let page = Mmap.page_size();
        let range = Mmap.reserve(8 * page, 8 * page).unwrap();
        assert_eq!(range.start().addr().get() % (8 * page), 0);
        // SAFETY: only committed pages of a range of our own are touched.
        unsafe {
            Mmap.commit(&range, page, 2 * page).unwrap();
            let byte = range.start().add(2 * page);
            assert_eq!(byte.read(), 0);
            byte.write(5);
            Mmap.commit(&range, 0, 8 * page).unwrap();
            assert_eq!(byte.read(), 5, "committing twice keeps the content");
            Mmap.decommit(&range, page, 2 * page).unwrap();
            Mmap.commit(&range, page, 2 * page).unwrap();
            assert_eq!(byte.read(), 0);
            Mmap.release(range).unwrap();
        }
    }

    #[test]
    fn what_breaks_the_rules_is_refused() {
        let page = Mmap.page_size();
        let misaligned = |value| ProviderError::Misaligned { value, page_size: page };
        assert_eq!(Mmap.reserve(0, page), Err(misaligned(0)));
        assert_eq!(Mmap.reserve(page, 0), Err(misaligned(0)));
        assert_eq!(Mmap.reserve(page + 1, page), Err(misaligned(page + 1)));
        assert_eq!(Mmap.reserve_committed(page, 3 * page), Err(misaligned(3 * page)));
        let range = Mmap.reserve(4 * page, page).unwrap();
        assert_eq!(Mmap.commit(&range, 1, page), Err(misaligned(1)));
        assert_eq!(Mmap.commit(&range, page, 4 * page), Err(misaligned(page)));
        assert!(Mmap.commit(&range, usize::MAX - page + 1, 2 * page).is_err());
        // SAFETY: nothing lives in the range.
        unsafe {
            assert_eq!(Mmap.decommit(&range, 0, 5 * page), Err(misaligned(0)));
            Mmap.release(range).unwrap();
        }
    }
}
