//! Whether a request keeps the rules of the provider contract.

use stratalloc_core::{PageRange, ProviderError};

/// A reservation: `size` a positive multiple of the page size, `align` a power of two besides.
pub(crate) fn check(size: usize, align: usize, page_size: usize) -> Result<(), ProviderError> {
    let positive_multiple = |value: usize| value != 0 && value % page_size == 0;
    if !positive_multiple(size) {
        return Err(ProviderError::Misaligned { value: size, page_size });
    }
    if !positive_multiple(align) || !align.is_power_of_two() {
        return Err(ProviderError::Misaligned { value: align, page_size });
    }
    Ok(())
}

/// A part of a range: both page multiples, `size` positive, and within the range.
pub(crate) fn check_part(
    range: &PageRange,
    offset: usize,
    size: usize,
    page_size: usize,
) -> Result<(), ProviderError> {
    check(size, page_size, page_size)?;
    let within = offset <= range.size() && size <= range.size() - offset;
    if offset % page_size != 0 || !within {
        return Err(ProviderError::Misaligned { value: offset, page_size });
    }
    Ok(())
}
