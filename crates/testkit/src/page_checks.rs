//! What every page provider has to do.

use stratalloc_core::{PageProvider, PageRange, ProviderError};

/// Holds a provider to the contract of [`PageProvider`]: alignment and overlap of ranges, content
/// through commit and decommit, and what has to be refused. It takes up to 3 MiB, or 800 pages if
/// that is more, and gives all of it back.
///
/// ```
/// use stratalloc_testkit::{TestPages, check_pages};
/// check_pages(&TestPages::new(16 << 10));
/// ```
///
/// # Panics
///
/// If the contract is broken.
pub fn check_pages<P: PageProvider>(provider: &P) {
    assert!(provider.page_size().is_power_of_two(), "the page size is a power of two");
    refuses_what_is_no_range(provider);
    refuses_what_is_no_part(provider);
    ranges_are_aligned_and_apart(provider);
    content_is_kept_and_cleared(provider);
    whole_ranges_come_committed(provider);
}

fn release<P: PageProvider>(provider: &P, range: PageRange) {
    // SAFETY: the range is this provider's, and nothing in it is live.
    unsafe { provider.release(range) }.expect("a range is released");
}

/// Zero, a part of a page, no power of two, and more than there is.
fn refuses_what_is_no_range<P: PageProvider>(provider: &P) {
    let page = provider.page_size();
    let odd = [(0, page), (page / 2, page), (page + 1, page), (page, 0), (page, page / 2)];
    for (size, align) in odd.into_iter().chain([(page, 3 * page), (page, page + 1)]) {
        let answer = provider.reserve(size, align);
        let refused = matches!(answer, Err(ProviderError::Misaligned { .. }));
        assert!(refused, "{size} aligned to {align}: {answer:?}");
    }
    let largest = usize::MAX & !(page - 1);
    for (size, align) in
        [(largest, page), (largest / 2 + page / 2, page), (page, 1 << (usize::BITS - 1))]
    {
        let size = size & !(page - 1);
        let answer = provider.reserve(size, align);
        assert!(answer.is_err(), "{size} aligned to {align}: {answer:?}");
    }
}

/// Parts that aren't whole pages, or reach past the end.
fn refuses_what_is_no_part<P: PageProvider>(provider: &P) {
    let page = provider.page_size();
    let range = provider.reserve(2 * page, page).expect("two pages");
    let wide = usize::MAX & !(page - 1);
    for (offset, size) in
        [(0, 0), (1, page), (0, page + 1), (0, 3 * page), (page, 2 * page), (page, wide)]
    {
        let answer = provider.commit(&range, offset, size);
        let refused = matches!(answer, Err(ProviderError::Misaligned { .. }));
        assert!(refused, "{size} bytes from {offset} of two pages: {answer:?}");
    }
    release(provider, range);
}

/// Ranges of several sizes and alignments at a time; twice, for what was released must serve again.
fn ranges_are_aligned_and_apart<P: PageProvider>(provider: &P) {
    let page = provider.page_size();
    for _ in 0..2 {
        let mut ranges = Vec::new();
        for pages in [1, 2, 3, 16, 64] {
            for align in [page, 2 * page, 16 * page] {
                let range = provider.reserve(pages * page, align).expect("a few pages");
                assert_eq!(range.size(), pages * page);
                assert!(range.start().addr().get().is_multiple_of(align), "{range:?} at {align}");
                ranges.push(range);
            }
        }
        ranges.sort_by_key(PageRange::start);
        for pair in ranges.windows(2) {
            let end = pair[0].start().addr().get() + pair[0].size();
            assert!(end <= pair[1].start().addr().get(), "{pair:?} overlap");
        }
        for range in ranges {
            release(provider, range);
        }
    }
}

/// Returns the byte at both ends of each page of the range.
fn ends<P: PageProvider>(provider: &P, range: &PageRange, pages: [usize; 2]) -> Vec<*mut u8> {
    let page = provider.page_size();
    let offsets = (pages[0]..pages[1]).flat_map(|index| [index * page, (index + 1) * page - 1]);
    // SAFETY: below the range's size.
    offsets.map(|offset| unsafe { range.start().add(offset) }.as_ptr()).collect()
}

fn expect(bytes: &[*mut u8], expected: u8) {
    for &byte in bytes {
        // SAFETY: a byte of a committed page of a range that is ours.
        assert_eq!(unsafe { byte.read() }, expected, "the byte at {byte:p}");
    }
}

/// Pages 1 and 2 of 4 are committed, written, committed again, and page 1 is decommitted.
fn content_is_kept_and_cleared<P: PageProvider>(provider: &P) {
    let page = provider.page_size();
    for _ in 0..2 {
        let range = provider.reserve(4 * page, page).expect("four pages");
        provider.commit(&range, page, 2 * page).expect("two of them");
        let [first, second] = [[1, 2], [2, 3]].map(|pages| ends(provider, &range, pages));
        for &byte in first.iter().chain(&second) {
            // SAFETY: a byte of a committed page of a range that is ours.
            unsafe {
                assert!(!P::ZEROED || byte.read() == 0, "new memory is zero at {byte:p}");
                byte.write(0x77);
            }
        }
        provider.commit(&range, 0, 4 * page).expect("all of them");
        expect(&first, 0x77);
        expect(&second, 0x77);
        // SAFETY: nothing in the range is live.
        unsafe { provider.decommit(&range, page, page) }.expect("a page goes back");
        provider.commit(&range, page, page).expect("and comes again");
        if P::DECOMMITS && P::ZEROED {
            expect(&first, 0);
        }
        expect(&second, 0x77);
        release(provider, range);
    }
}

fn whole_ranges_come_committed<P: PageProvider>(provider: &P) {
    let page = provider.page_size();
    let range = provider.reserve_committed(8 * page, 4 * page).expect("eight pages");
    assert!(range.start().addr().get().is_multiple_of(4 * page));
    for byte in ends(provider, &range, [0, 8]) {
        // SAFETY: a byte of a committed page of a range that is ours.
        unsafe {
            assert!(!P::ZEROED || byte.read() == 0, "new memory is zero at {byte:p}");
            byte.write(1);
        }
    }
    release(provider, range);
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::TestPages;

    const PAGE: usize = 4096;

    #[test]
    fn providers_conform_at_any_page_size() {
        for page_size in [64, 4096, 16 << 10] {
            check_pages(&TestPages::new(page_size));
        }
    }

    /// What is wrong with a provider.
    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        IgnoresAlignment,
        ClearsAtEveryCommit,
        NeverClears,
        DecommitsTooMuch,
        AcceptsHalfPages,
    }

    /// A provider with a fault, in four times the memory that it needs.
    struct Broken {
        pages: TestPages,
        fault: Fault,
        dirty: Cell<bool>,
    }

    // SAFETY: the pages' contract, but for the fault, which touches no memory but the range's own.
    unsafe impl PageProvider for Broken {
        const ZEROED: bool = true;
        const DECOMMITS: bool = true;

        fn page_size(&self) -> usize {
            PAGE
        }

        fn reserve(&self, size: usize, align: usize) -> Result<PageRange, ProviderError> {
            if self.fault == Fault::AcceptsHalfPages && size == PAGE / 2 {
                return self.pages.reserve(PAGE, PAGE);
            }
            let range = self.pages.reserve(size, align)?;
            let wrong = self.fault == Fault::IgnoresAlignment && align > PAGE;
            if !wrong {
                return Ok(range);
            }
            // One page further, in a range that stays reserved.
            let (_leaked, _) = range.into_raw();
            let (start, _) = self.pages.reserve(2 * align + size, align)?.into_raw();
            // SAFETY: within the larger range, which nobody else has.
            Ok(unsafe { PageRange::from_raw(start.add(PAGE), size) })
        }

        fn commit(&self, range: &PageRange, at: usize, size: usize) -> Result<(), ProviderError> {
            self.pages.commit(range, at, size)?;
            // SAFETY: just committed, and the caller's alone.
            let fill = |byte| unsafe { range.start().add(at).write_bytes(byte, size) };
            match self.fault {
                Fault::ClearsAtEveryCommit => fill(0),
                Fault::NeverClears if !self.dirty.replace(true) => fill(0xaa),
                _ => {}
            }
            Ok(())
        }

        unsafe fn decommit(
            &self,
            range: &PageRange,
            at: usize,
            size: usize,
        ) -> Result<(), ProviderError> {
            let more = if self.fault == Fault::DecommitsTooMuch { PAGE } else { 0 };
            // SAFETY: the pages, and those that are too much, lie in the range, and nothing in them is used.
            unsafe { self.pages.decommit(range, at, size + more) }?;
            // Usable still, so that the check may look at it.
            self.pages.commit(range, at, size + more)
        }

        unsafe fn release(&self, range: PageRange) -> Result<(), (ProviderError, PageRange)> {
            // SAFETY: the range is this provider's, and nothing in it is used.
            unsafe { self.pages.release(range) }
        }
    }

    fn check(fault: Fault) {
        check_pages(&Broken { pages: TestPages::new(PAGE), fault, dirty: Cell::new(false) });
    }

    #[test]
    #[should_panic(expected = "PageRange { start")]
    fn a_wrong_alignment_is_found() {
        check(Fault::IgnoresAlignment);
    }

    #[test]
    #[should_panic(expected = "right: 119")]
    fn a_commit_that_clears_what_was_committed_is_found() {
        check(Fault::ClearsAtEveryCommit);
    }

    #[test]
    #[should_panic(expected = "new memory is zero")]
    fn memory_that_is_not_zero_is_found() {
        check(Fault::NeverClears);
    }

    #[test]
    #[should_panic(expected = "right: 119")]
    fn a_decommit_of_too_much_is_found() {
        check(Fault::DecommitsTooMuch);
    }

    #[test]
    #[should_panic(expected = "2048 aligned to 4096")]
    fn half_a_page_that_is_served_is_found() {
        check(Fault::AcceptsHalfPages);
    }
}
