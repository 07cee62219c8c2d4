//! A page provider in ordinary memory: for Miri, for unusual page sizes, and to find who touches
//! pages that aren't committed.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    collections::BTreeMap,
    ptr::NonNull,
    sync::{Mutex, MutexGuard, PoisonError},
};

use stratalloc_core::{PageProvider, PageRange, ProviderError};

/// What fills a page that isn't committed.
const UNCOMMITTED: u8 = 0xd5;

/// Pages of any size from the system allocator. A page that isn't committed is filled with a mark,
/// which must still be there when it is committed or released.
///
/// All that is reserved is real memory: ask for megabytes, not for gigabytes.
///
/// ```
/// use stratalloc_core::PageProvider;
/// use stratalloc_testkit::TestPages;
///
/// let pages = TestPages::new(16 << 10);
/// let range = pages.reserve(64 << 10, 64 << 10)?;
/// pages.commit(&range, 0, 16 << 10)?;
/// // SAFETY: from this provider, and nothing lies in it.
/// unsafe { pages.release(range) }.unwrap();
/// # Ok::<(), stratalloc_core::ProviderError>(())
/// ```
#[derive(Debug)]
pub struct TestPages {
    page_size: usize,
    ranges: Mutex<BTreeMap<usize, Range>>,
}

// SAFETY: the range is the provider's and its caller's; memory isn't bound to a thread.
unsafe impl Send for Range {}

#[derive(Debug)]
struct Range {
    start: NonNull<u8>,
    layout: Layout,
    committed: Vec<bool>,
}

impl TestPages {
    /// Returns a provider whose pages have `page_size` bytes.
    ///
    /// # Panics
    ///
    /// If that isn't a power of two.
    pub fn new(page_size: usize) -> Self {
        assert!(page_size.is_power_of_two(), "a page of {page_size} bytes");
        Self { page_size, ranges: Mutex::default() }
    }

    fn ranges(&self) -> MutexGuard<'_, BTreeMap<usize, Range>> {
        self.ranges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, value: usize, valid: bool) -> Result<(), ProviderError> {
        if valid && value.is_multiple_of(self.page_size) {
            return Ok(());
        }
        Err(ProviderError::Misaligned { value, page_size: self.page_size })
    }

    /// Sets pages of a range to committed or not. Only what changes is touched.
    fn set(
        &self,
        range: &PageRange,
        [offset, size]: [usize; 2],
        commit: bool,
    ) -> Result<(), ProviderError> {
        self.check(offset, offset <= range.size())?;
        self.check(size, size > 0 && size <= range.size() - offset)?;
        let page_size = self.page_size;
        let mut ranges = self.ranges();
        let state = ranges.get_mut(&range.start().addr().get()).expect("a live range");
        for page in offset / page_size..(offset + size) / page_size {
            if state.committed[page] == commit {
                continue;
            }
            // SAFETY: the page lies in the range, checked above, which is the caller's alone.
            let bytes = unsafe {
                let start = range.start().add(page * page_size);
                NonNull::slice_from_raw_parts(start, page_size).as_mut()
            };
            fill(bytes, commit);
            state.committed[page] = commit;
        }
        Ok(())
    }
}

/// Writes what a page holds that is now committed, or no longer is.
fn fill(page: &mut [u8], commit: bool) {
    if commit {
        expect_untouched(page);
    }
    page.fill(if commit { 0 } else { UNCOMMITTED });
}

/// Panics if a page that isn't committed was written to.
fn expect_untouched(page: &[u8]) {
    let touched = page.iter().position(|&byte| byte != UNCOMMITTED);
    assert_eq!(touched, None, "a page at {page:p} was written before it was committed");
}

// SAFETY: each range is an allocation of its own, aligned as asked; committing clears it.
unsafe impl PageProvider for TestPages {
    const ZEROED: bool = true;
    const DECOMMITS: bool = true;

    fn page_size(&self) -> usize {
        self.page_size
    }

    fn reserve(&self, size: usize, align: usize) -> Result<PageRange, ProviderError> {
        self.check(size, size > 0)?;
        self.check(align, align.is_power_of_two())?;
        let out = ProviderError::OutOfMemory { size, align };
        let layout = Layout::from_size_align(size, align).map_err(|_| out)?;
        // SAFETY: the layout isn't empty.
        let start = NonNull::new(unsafe { System.alloc(layout) }).ok_or(out)?;
        // SAFETY: just allocated, of this size.
        unsafe { start.write_bytes(UNCOMMITTED, size) };
        let committed = vec![false; size / self.page_size];
        self.ranges().insert(start.addr().get(), Range { start, layout, committed });
        // SAFETY: we are the provider, and hand it out once.
        Ok(unsafe { PageRange::from_raw(start, size) })
    }

    fn commit(&self, range: &PageRange, offset: usize, size: usize) -> Result<(), ProviderError> {
        self.set(range, [offset, size], true)
    }

    unsafe fn decommit(
        &self,
        range: &PageRange,
        offset: usize,
        size: usize,
    ) -> Result<(), ProviderError> {
        self.set(range, [offset, size], false)
    }

    unsafe fn release(&self, range: PageRange) -> Result<(), (ProviderError, PageRange)> {
        let whole = [0, range.size()];
        // Committing all of it looks at the mark of every page that isn't committed.
        if let Err(error) = self.set(&range, whole, true) {
            return Err((error, range));
        }
        let (start, _) = range.into_raw();
        let state = self.ranges().remove(&start.addr().get()).expect("a live range");
        // SAFETY: allocated in `reserve` with this layout; the caller gives it up.
        unsafe { System.dealloc(start.as_ptr(), state.layout) };
        Ok(())
    }
}

/// What was never released goes back too: who failed to do so is for [`Faulty`](crate::Faulty) to find.
impl Drop for TestPages {
    fn drop(&mut self) {
        for range in self.ranges().values() {
            // SAFETY: allocated in `reserve` with this layout; there is no provider left to use it.
            unsafe { System.dealloc(range.start.as_ptr(), range.layout) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 4096;

    #[test]
    fn memory_is_zero_at_every_commit() {
        let pages = TestPages::new(PAGE);
        let range = pages.reserve(4 * PAGE, 8 * PAGE).unwrap();
        assert!(range.start().addr().get().is_multiple_of(8 * PAGE));
        for _ in 0..2 {
            pages.commit(&range, PAGE, 2 * PAGE).unwrap();
            // SAFETY: committed; nothing lives there when it is decommitted.
            unsafe {
                let byte = range.start().add(PAGE);
                assert_eq!(byte.read(), 0);
                byte.write(1);
                pages.commit(&range, PAGE, PAGE).unwrap();
                assert_eq!(byte.read(), 1, "a second commit keeps the content");
                pages.decommit(&range, PAGE, PAGE).unwrap();
            }
        }
        // SAFETY: from this provider.
        unsafe { pages.release(range) }.unwrap();
    }

    #[test]
    #[should_panic(expected = "before it was committed")]
    fn touching_what_is_not_committed_is_found() {
        let pages = TestPages::new(PAGE);
        let range = pages.reserve(2 * PAGE, PAGE).unwrap();
        pages.commit(&range, 0, PAGE).unwrap();
        // SAFETY: real memory, though the contract says that it isn't: which is what is tested.
        unsafe { range.start().add(2 * PAGE - 1).write(0) };
        // SAFETY: from this provider.
        let _ = unsafe { pages.release(range) };
    }

    #[test]
    fn what_is_not_whole_pages_is_refused() {
        let pages = TestPages::new(PAGE);
        for (size, align) in [(0, PAGE), (1, PAGE), (PAGE, 1), (PAGE, 3 * PAGE), (PAGE, 0)] {
            assert!(pages.reserve(size, align).is_err(), "{size} {align}");
        }
        let range = pages.reserve(PAGE, PAGE).unwrap();
        for (offset, size) in [(0, 0), (0, 1), (1, PAGE), (0, 2 * PAGE), (PAGE, PAGE)] {
            assert!(pages.commit(&range, offset, size).is_err(), "{offset} {size}");
        }
        // SAFETY: from this provider.
        unsafe { pages.release(range) }.unwrap();
    }
}
