//! Zeroing blocks, and looking whether they are zero: straight on for short ones, which most are.

/// Bytes of a block that can be zeroed here at least.
pub(super) const LEAST: usize = 16;
/// Bytes up to which no loop is needed.
pub(super) const SHORT: usize = 128;
const WORD: usize = size_of::<u64>();

/// Zeroes a block.
///
/// # Safety
///
/// It has `size` bytes, [`LEAST`] or more, a multiple of eight, and nobody else uses it.
#[inline(always)]
pub(super) unsafe fn zero(block: *mut u8, size: usize) {
    // SAFETY: both ends of so many bytes lie in the block, by the comparisons and by this function's contract.
    unsafe {
        match size {
            ..=32 => zero_ends::<16>(block, size),
            33..=64 => zero_ends::<32>(block, size),
            65..=SHORT => zero_ends::<64>(block, size),
            _ => block.write_bytes(0, size),
        }
    }
}

/// Whether each byte of a block is zero.
///
/// # Safety
///
/// As for [`zero`].
#[inline(always)]
pub(super) unsafe fn is_zero(block: *mut u8, size: usize) -> bool {
    // SAFETY: as in `zero`.
    unsafe {
        match size {
            ..=32 => are_ends_zero::<{ 16 / WORD }>(block, size),
            33..=64 => are_ends_zero::<{ 32 / WORD }>(block, size),
            65..=SHORT => are_ends_zero::<{ 64 / WORD }>(block, size),
            _ => is_long_zero(block, size),
        }
    }
}

/// Zeroes the first and the last `N` bytes of a block, which may overlap.
///
/// # Safety
///
/// The block has `N` bytes at least, and nobody else uses it.
#[inline(always)]
unsafe fn zero_ends<const N: usize>(block: *mut u8, size: usize) {
    // SAFETY: both lie in the block, by this function's contract.
    unsafe {
        block.cast::<[u8; N]>().write_unaligned([0; N]);
        block.add(size - N).cast::<[u8; N]>().write_unaligned([0; N]);
    }
}

/// Whether the first and the last `N` words of a block, which may overlap, are zero.
///
/// # Safety
///
/// The block has so many bytes at least, and nobody else uses it.
#[inline(always)]
unsafe fn are_ends_zero<const N: usize>(block: *mut u8, size: usize) -> bool {
    // SAFETY: both lie in the block, by this function's contract.
    let [first, last] = unsafe {
        [block, block.add(size - N * WORD)].map(|place| place.cast::<[u64; N]>().read_unaligned())
    };
    // Without a way out, so that the compiler looks at several at a time.
    first.iter().zip(&last).fold(0, |all, (first, last)| all | first | last) == 0
}

/// The same of a block of any size.
///
/// # Safety
///
/// As for [`zero`].
#[inline(never)]
unsafe fn is_long_zero(block: *mut u8, size: usize) -> bool {
    // SAFETY: the block has so many bytes, and nobody else uses it, by this function's contract.
    let words = unsafe { core::slice::from_raw_parts(block.cast::<[u8; WORD]>(), size / WORD) };
    // As above.
    words.iter().fold(0, |all, &word| all | u64::from_ne_bytes(word)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_any_size_is_zeroed_to_its_ends_and_no_further() {
        for size in (LEAST..=512).step_by(WORD) {
            let mut memory = vec![0xa5_u8; size + 2];
            // SAFETY: the block lies in the memory, with a byte before and behind it.
            unsafe { zero(memory.as_mut_ptr().add(1), size) };
            assert_eq!((memory[0], memory[size + 1]), (0xa5, 0xa5), "{size}");
            assert!(memory[1..=size].iter().all(|&byte| byte == 0), "{size}");
        }
    }

    #[test]
    fn a_byte_that_is_not_zero_is_found_wherever_it_is() {
        for size in (LEAST..=512).step_by(WORD) {
            let mut memory = vec![0_u8; size];
            // SAFETY: the block is all of the memory, here and below.
            assert!(unsafe { is_zero(memory.as_mut_ptr(), size) });
            for place in 0..size {
                memory[place] = 0x10;
                // SAFETY: as above.
                assert!(!unsafe { is_zero(memory.as_mut_ptr(), size) }, "{place} of {size}");
                memory[place] = 0;
            }
        }
    }
}
