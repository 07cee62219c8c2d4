//! Mappings at an alignment, by calls that place them anywhere.

use core::ptr::NonNull;

use stratalloc_core::ProviderError;

/// Gives bytes back that the caller owns, and in which nothing live lies.
type Unmap = unsafe fn(NonNull<u8>, usize) -> Result<(), ProviderError>;

/// What a system offers: the size of its pages, and how mappings end.
pub(super) struct System {
    pub(super) page_size: usize,
    pub(super) unmap: Unmap,
}

impl System {
    /// Maps `size` bytes aligned to `align`, a power of two: as they come if that fits, else from a mapping that is
    /// larger by `align`, trimmed on both sides. `map` gets the size, and whether it is of such a larger one.
    pub(super) fn map_aligned(
        &self,
        size: usize,
        align: usize,
        map: impl Fn(usize, bool) -> Result<NonNull<u8>, ProviderError>,
    ) -> Result<NonNull<u8>, ProviderError> {
        debug_assert!(align.is_power_of_two());
        let start = map(size, false)?;
        if start.addr().get() & (align - 1) == 0 {
            return Ok(start);
        }
        // SAFETY: the mapping is new, so no one else knows it.
        unsafe { (self.unmap)(start, size) }?;
        let slack = align - self.page_size;
        let out_of_memory = ProviderError::OutOfMemory { size, align };
        let start = map(size.checked_add(slack).ok_or(out_of_memory)?, true)?;
        Ok(self.trim(start, slack, size, align))
    }

    /// Keeps the first `size` bytes aligned to `align` of the `slack + size` from `start`.
    ///
    /// What can't be given back (a merged mapping that would be split past `vm.max_map_count`) stays
    /// mapped, untouched: address space is lost, no memory.
    fn trim(&self, start: NonNull<u8>, slack: usize, size: usize, align: usize) -> NonNull<u8> {
        let head = start.addr().get().wrapping_neg() & (align - 1);
        // SAFETY: `head <= slack`, as both are page multiples below `align`; the kept bytes and the
        // trimmed ones on both sides lie in the new mapping, which no one else knows.
        unsafe {
            let kept = start.add(head);
            if head > 0 {
                let _ = (self.unmap)(start, head);
            }
            if head < slack {
                let _ = (self.unmap)(kept.add(size), slack - head);
            }
            kept
        }
    }
}
