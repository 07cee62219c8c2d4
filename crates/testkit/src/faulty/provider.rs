//! `Faulty` over a page provider.

use stratalloc_core::{PageProvider, PageRange, ProviderError};

use super::{Call, Entry, Faulty};

/// What a system says that has no memory for its own books (`ENOMEM`).
const REFUSED: ProviderError = ProviderError::System { errno: 12 };

impl<B: PageProvider> Faulty<B> {
    /// Checks that `offset` and `size` lie in a range of ours, on page boundaries.
    fn check_part(&self, range: &PageRange, offset: usize, size: usize) {
        let address = range.start().addr().get();
        let page = self.page_size();
        let entry = self.ledger().live.get(&address).copied();
        let entry = entry.unwrap_or_else(|| panic!("{address:#x} isn't live in the base"));
        let end = offset.checked_add(size);
        assert!(
            end.is_some_and(|end| end <= entry.size)
                && size > 0
                && offset.is_multiple_of(page)
                && size.is_multiple_of(page),
            "{size} bytes from {offset} aren't pages of {entry:?}"
        );
    }
}

// SAFETY: what the base gives, checked; or nothing.
unsafe impl<B: PageProvider> PageProvider for Faulty<B> {
    const ZEROED: bool = B::ZEROED;
    const DECOMMITS: bool = B::DECOMMITS;

    fn page_size(&self) -> usize {
        self.base.page_size()
    }

    fn reserve(&self, size: usize, align: usize) -> Result<PageRange, ProviderError> {
        if self.ledger().fails(Call::Take) {
            return Err(ProviderError::OutOfMemory { size, align });
        }
        let range = self.base.reserve(size, align)?;
        let entry = Entry { align, asked: range.size(), size: range.size(), refused: false };
        self.ledger().give(range.start().addr().get(), entry);
        Ok(range)
    }

    fn commit(&self, range: &PageRange, offset: usize, size: usize) -> Result<(), ProviderError> {
        self.check_part(range, offset, size);
        if self.ledger().fails(Call::Take) {
            return Err(REFUSED);
        }
        self.base.commit(range, offset, size)
    }

    unsafe fn decommit(
        &self,
        range: &PageRange,
        offset: usize,
        size: usize,
    ) -> Result<(), ProviderError> {
        self.check_part(range, offset, size);
        if self.ledger().fails(Call::GiveBack) {
            return Err(REFUSED);
        }
        // SAFETY: the pages lie in the range, and nothing in them is used.
        unsafe { self.base.decommit(range, offset, size) }
    }

    unsafe fn release(&self, range: PageRange) -> Result<(), (ProviderError, PageRange)> {
        self.check_part(&range, 0, range.size());
        let address = range.start().addr().get();
        assert_eq!(self.ledger().live[&address].size, range.size(), "ranges are released whole");
        // Struck out first: another thread may be given the same address at once.
        let entry = {
            let mut ledger = self.ledger();
            if ledger.fails(Call::GiveBack) {
                ledger.live.entry(address).and_modify(|entry| entry.refused = true);
                return Err((REFUSED, range));
            }
            ledger.take_back(address)
        };
        // SAFETY: the range is this provider's, and nothing in it is used.
        let answer = unsafe { self.base.release(range) };
        if answer.is_err() {
            self.ledger().give(address, entry);
        }
        answer
    }
}
