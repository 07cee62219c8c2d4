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

    /// The value modulo 2 to the width, so that the end of a heap as large as can be is zero.
    fn wrap(value: usize) -> Self;

    /// The value as a `usize`.
    fn get(self) -> usize;

    /// The inverse, modulo 2 to the width, of the odd part of `self`, which isn't zero.
    #[must_use]
    fn odd_inverse(self) -> Self;

    /// `distance / size`, if `size` divides it; otherwise more than any multiple gives.
    ///
    /// Multiplying by the inverse of the odd part and rotating the powers of two away permutes all
    /// values, and takes the multiples of `size` to `0, 1, 2 …`: whatever is no multiple lands
    /// above them. Three instructions, where the processor may not even have a division.
    fn exact_quotient(distance: Self, size: Self, inverse: Self) -> usize;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
}

macro_rules! word {
    ($word:ty, $min_block:literal) => {
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

            fn odd_inverse(self) -> Self {
                let odd = self >> self.trailing_zeros();
                // Newton's step doubles the correct low bits: an odd number is its own inverse in
                // the lowest three.
                (0..4).fold(odd, |inverse, _| {
                    let two: $word = 2;
                    inverse.wrapping_mul(two.wrapping_sub(odd.wrapping_mul(inverse)))
                })
            }

            #[inline(always)]
            fn exact_quotient(distance: Self, size: Self, inverse: Self) -> usize {
                distance.wrapping_mul(inverse).rotate_right(size.trailing_zeros()) as usize
            }
        }
    };
}

word!(u16, 1);
word!(u32, 4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quotient_of_16_bits_is_exact_or_beyond_all_multiples() {
        for size in (1..=600_u16).chain([1024, 4095, 4096, 12_345, 32_768, 65_520, 65_535]) {
            let inverse = size.odd_inverse();
            for distance in 0..=u16::MAX {
                let quotient = u16::exact_quotient(distance, size, inverse);
                if distance % size == 0 {
                    assert_eq!(quotient, usize::from(distance / size));
                } else {
                    assert!(quotient > usize::from(u16::MAX / size), "{distance} by {size}");
                }
            }
        }
    }

    #[test]
    fn quotients_of_32_bits_are_exact_or_beyond_all_multiples() {
        for size in [4_u32, 12, 24, 1000, 4096, 65_537, 3 << 20, 0x8000_0000] {
            let inverse = size.odd_inverse();
            for distance in (0..=u32::MAX).step_by(1_048_573).chain([0, size, u32::MAX]) {
                let multiple = distance / size * size;
                let quotient = |distance| u32::exact_quotient(distance, size, inverse);
                assert_eq!(quotient(multiple), (multiple / size) as usize);
                if distance != multiple {
                    assert!(quotient(distance) > (u32::MAX / size) as usize);
                }
            }
        }
    }
}
