//! The width of everything the heap's state holds: 16 bits for heaps of up to 64 KiB, else 32.

use core::fmt::Debug;

/// An offset, size or count as it stands in the heap: `u16`, or `u32` in a [`Wide`](crate::Wide)
/// pool.
pub trait Word: Copy + Debug + Eq + Ord + sealed::Sealed + 'static {
    /// The largest value.
    const MAX: usize;

    /// The smallest block that the free list can link, in bytes. The 16-bit pool has another list
    /// for blocks of one byte; the 32-bit one rounds them up.
    const MIN_BLOCK: usize;

    /// Returns the value modulo 2 to the width, so that the end of a heap as large as can be is zero.
    fn wrap(value: usize) -> Self;

    /// Returns the value as a `usize`.
    fn get(self) -> usize;

    /// 2 to the width by `self`, rounded up, modulo 2 to the width; `self` isn't zero.
    #[must_use]
    fn reciprocal_of(self) -> Self;

    /// `distance` by the number with this [reciprocal](Self::reciprocal_of): exact if that divides
    /// a `distance` of no more than [`MAX`](Self::MAX), and otherwise any number.
    ///
    /// The reciprocal is too large by less than one in 2 to the width, and a multiple has less than 2
    /// to the width of it, so that the error is in what is shifted out. No division, which small
    /// processors lack.
    fn quotient(distance: usize, reciprocal: Self) -> usize;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
}

macro_rules! word {
    ($word:ty, $double:ty, $min_block:literal) => {
        impl Word for $word {
            const MAX: usize = <$word>::MAX as usize;
            const MIN_BLOCK: usize = $min_block;

            #[inline(always)]
            fn wrap(value: usize) -> Self {
                value as $word
            }

            #[inline(always)]
            fn get(self) -> usize {
                self as usize
            }

            fn reciprocal_of(self) -> Self {
                (<$word>::MAX / self).wrapping_add(1)
            }

            #[inline(always)]
            fn quotient(distance: usize, reciprocal: Self) -> usize {
                if usize::BITS >= <$double>::BITS {
                    distance.wrapping_mul(reciprocal as usize) >> <$word>::BITS
                } else {
                    let product = distance as $double * <$double>::from(reciprocal);
                    (product >> <$word>::BITS) as usize
                }
            }
        }
    };
}

word!(u16, u32, 1);
word!(u32, u64, 4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_multiple_of_16_bits_has_its_quotient() {
        for size in 2..=u16::MAX {
            let reciprocal = size.reciprocal_of();
            for number in 0..=u16::MAX / size {
                let distance = usize::from(number * size);
                assert_eq!(u16::quotient(distance, reciprocal), usize::from(number));
            }
        }
    }

    #[test]
    fn multiples_of_32_bits_have_their_quotients() {
        for size in [4_u32, 12, 24, 1000, 4096, 65_537, 3 << 20, 0x8000_0000, u32::MAX] {
            let reciprocal = size.reciprocal_of();
            let most = u32::MAX / size;
            for number in (0..=most).step_by(1_000_003).chain([0, 1, most - 1, most]) {
                let distance = (number * size) as usize;
                assert_eq!(u32::quotient(distance, reciprocal), number as usize, "{distance}");
            }
        }
    }
}
