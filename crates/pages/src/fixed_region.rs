//! Pages of a region that the caller owns, for machines without an operating system.

use core::{cell::Cell, marker::PhantomData, mem::MaybeUninit, ops::Range, ptr::NonNull, slice};

use stratalloc_core::{PageProvider, PageRange, ProviderError};

use crate::{
    bits::{Bits, WORD_BITS},
    request::{check, check_part},
};

/// Pages of one region of memory, found first fit.
///
/// The region holds its own book, one bit a page, behind the last page:
///
/// ```text
///    caller's region
///    |··| page 0 | page 1 | … | page n-1 | 1 bit a page |··|
///       ^ aligned to the page size       ^ aligned to 8 bytes
/// ```
///
/// Time: [`reserve`](PageProvider::reserve) is one pass over the bits, 64 pages a step; release is
/// the same over the range's bits; the rest is constant. Commit and decommit do nothing: the memory
/// is always there, and is not zeroed.
///
/// Not `Sync`: one thread, or a lock around it.
///
/// # Invariants
///
/// - [FIXED_REGION-1] The pages and the words of `map` lie in the caller's region, which is borrowed for
///   `'m`, apart from each other.
/// - [FIXED_REGION-2] A page's bit is set exactly while a live [`PageRange`] holds it.
///
/// # Example
///
/// ```
/// use core::mem::MaybeUninit;
/// use stratalloc_core::PageProvider;
/// use stratalloc_pages::FixedRegion;
///
/// let mut memory = [MaybeUninit::uninit(); 64 * 1024];
/// let region = FixedRegion::new(&mut memory, 1024)?;
/// let range = region.reserve_committed(16 * 1024, 1024)?;
/// // SAFETY: nothing lies in the range.
/// unsafe { region.release(range) }.map_err(|(error, _)| error)?;
/// # Ok::<(), stratalloc_core::ProviderError>(())
/// ```
#[derive(Debug)]
pub struct FixedRegion<'m> {
    start: NonNull<u8>,
    pages: usize,
    page_size: usize,
    map: &'m [Cell<u64>],
    memory: PhantomData<&'m mut [u8]>,
}

// SAFETY: it has the region to itself; nothing in it belongs to a thread.
unsafe impl Send for FixedRegion<'_> {}

impl<'m> FixedRegion<'m> {
    /// Takes a region, in pages of `page_size` bytes: a power of two from 8 on, else
    /// [`ProviderError::PageSize`]. A region without room for one aligned page and its bit is
    /// [`ProviderError::OutOfMemory`].
    pub fn new(memory: &'m mut [MaybeUninit<u8>], page_size: usize) -> Result<Self, ProviderError> {
        let least = size_of::<u64>();
        if !page_size.is_power_of_two() || page_size < least {
            return Err(ProviderError::PageSize { page_size, least });
        }
        let too_small = ProviderError::OutOfMemory { size: memory.len(), align: page_size };
        let base = NonNull::from(&mut *memory).cast::<u8>();
        let padding = base.addr().get().wrapping_neg() & (page_size - 1);
        let room = memory.len().checked_sub(padding).ok_or(too_small)?;
        let pages = pages_in(room, page_size);
        if pages == 0 {
            return Err(too_small);
        }
        let words = pages.div_ceil(WORD_BITS);
        // SAFETY: by `pages_in`, the pages and then the words lie within the region [FIXED_REGION-1]; a page
        // multiple behind an aligned start is aligned to 8 bytes; the words are written before they
        // become a slice, and the exclusive borrow of the region lasts as long.
        let (start, map) = unsafe {
            let start = base.add(padding);
            let map = start.add(pages * page_size).cast::<Cell<u64>>();
            map.write_bytes(0, words);
            (start, slice::from_raw_parts(map.as_ptr(), words))
        };
        Ok(Self { start, pages, page_size, map, memory: PhantomData })
    }

    /// Returns how many pages it has in all.
    pub const fn pages(&self) -> usize {
        self.pages
    }

    /// Returns how many pages are free; in one pass over the map.
    pub fn free_pages(&self) -> usize {
        let used: u32 = self.map.iter().map(|word| word.get().count_ones()).sum();
        self.pages - used as usize
    }

    /// Returns the pages of a range, by number; `None` if it isn't one of ours.
    fn pages_of(&self, range: &PageRange) -> Option<Range<usize>> {
        let offset = range.start().addr().get().checked_sub(self.start.addr().get())?;
        let first = offset / self.page_size;
        let end = first.checked_add(range.size() / self.page_size)?;
        let whole = offset % self.page_size == 0;
        (whole && end <= self.pages).then_some(first..end)
    }
}

/// Returns how many pages fit in `room` bytes together with their bits, in whole words.
fn pages_in(room: usize, page_size: usize) -> usize {
    // A word of the map and the pages it stands for, as one group; then what is left over.
    let group = page_size.saturating_mul(WORD_BITS).saturating_add(size_of::<u64>());
    let (groups, rest) = (room / group, room % group);
    groups * WORD_BITS + rest.saturating_sub(size_of::<u64>()) / page_size
}

// SAFETY: a range's bits are set from its reservation to its release, and a reservation takes only
// clear ones [FIXED_REGION-2], so ranges never overlap. Memory is readable and writable throughout, and ZEROED
// promises nothing of its content. Checks come before changes.
unsafe impl PageProvider for FixedRegion<'_> {
    const ZEROED: bool = false;
    const DECOMMITS: bool = false;

    fn page_size(&self) -> usize {
        self.page_size
    }

    fn reserve(&self, size: usize, align: usize) -> Result<PageRange, ProviderError> {
        check(size, align, self.page_size)?;
        let (count, align_pages) = (size / self.page_size, align / self.page_size);
        let phase = self.start.addr().get() / self.page_size;
        let first = Bits(self.map)
            .find_clear_run(0..self.pages, count, align_pages, phase)
            .ok_or(ProviderError::OutOfMemory { size, align })?;
        Bits(self.map).fill(first..first + count, true);
        // SAFETY: the run lies within the pages [FIXED_REGION-1], and was no one's until now [FIXED_REGION-2].
        Ok(unsafe { PageRange::from_raw(self.start.add(first * self.page_size), size) })
    }

    fn commit(&self, range: &PageRange, offset: usize, size: usize) -> Result<(), ProviderError> {
        check_part(range, offset, size, self.page_size)
    }

    unsafe fn decommit(
        &self,
        range: &PageRange,
        offset: usize,
        size: usize,
    ) -> Result<(), ProviderError> {
        check_part(range, offset, size, self.page_size)
    }

    unsafe fn release(&self, range: PageRange) -> Result<(), (ProviderError, PageRange)> {
        let bits = Bits(self.map);
        let in_use = |pages: &Range<usize>| bits.find(pages.clone(), false) == pages.end;
        let Some(pages) = self.pages_of(&range).filter(in_use) else {
            let value = range.start().addr().get();
            return Err((ProviderError::Misaligned { value, page_size: self.page_size }, range));
        };
        bits.fill(pages, false);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
