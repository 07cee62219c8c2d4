//! Sampling: the choice of allocations, and the weights of samples.
//!
//! Points lie at random along all bytes that are allocated, `interval` bytes apart on average, and a block is sampled if
//! a point lies in it.
//! So blocks of `size` bytes are sampled independently of each other, with the probability
//! `p = 1 - exp(-size / interval)`, and each stands for `1 / p` blocks of its size: sums of these are right on average,
//! whatever the sizes (Horvitz and Thompson, 1952).
//!
//! Fenced blocks are chosen by their number, whatever their sizes: one in so many on average.

use core::ops::{AddAssign, SubAssign};

/// The parts of a block in which blocks are counted: sums of whole parts are exact, so that they can be taken apart again.
const PARTS: u64 = 1 << 16;

/// The weight of samples: the blocks and bytes that they stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    /// The number of samples.
    pub(crate) samples: u64,
    /// Bytes.
    pub(crate) bytes: u64,
    /// Blocks, in 65,536ths.
    parts: u64,
    /// The variance of `bytes`, estimated.
    variance: u128,
}

impl Weight {
    /// Nothing.
    pub(crate) const NONE: Self = Self { samples: 0, bytes: 0, parts: 0, variance: 0 };

    /// The weight of a sampled block of `size` bytes.
    pub(crate) fn of(size: usize, interval: usize) -> Self {
        let chance = -libm::expm1(-(size as f64) / interval as f64);
        let bytes = size as f64 / chance;
        Self {
            samples: 1,
            bytes: whole(bytes),
            parts: whole(PARTS as f64 / chance),
            variance: u128::from(whole(bytes)) * u128::from(whole(bytes * (1.0 - chance))),
        }
    }

    /// Blocks, to the next whole one.
    pub(crate) const fn blocks(&self) -> u64 {
        (self.parts + PARTS / 2) / PARTS
    }

    /// The standard error of `bytes`.
    pub(crate) fn error(&self) -> f64 {
        libm::sqrt(self.variance as f64)
    }
}

impl AddAssign for Weight {
    fn add_assign(&mut self, other: Self) {
        self.samples += other.samples;
        self.bytes += other.bytes;
        self.parts += other.parts;
        self.variance += other.variance;
    }
}

impl SubAssign for Weight {
    fn sub_assign(&mut self, other: Self) {
        self.samples -= other.samples;
        self.bytes -= other.bytes;
        self.parts -= other.parts;
        self.variance -= other.variance;
    }
}

/// The next whole number to one that isn't negative.
#[expect(clippy::cast_sign_loss, reason = "it isn't negative")]
fn whole(number: f64) -> u64 {
    libm::round(number) as u64
}

/// How often blocks are taken aside: as samples, and to be fenced. One word, so that one comparison shows a change of either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rates(usize);

impl Rates {
    /// Nothing is taken aside.
    pub(crate) const NONE: Self = Self(0);
    const INTERVAL_BITS: u32 = 40;
    /// The longest interval, of 1 TiB.
    const MOST_BYTES: usize = (1 << Self::INTERVAL_BITS) - 1;
    /// The fewest fenced blocks: one in so many.
    const MOST_BLOCKS: usize = (1 << (usize::BITS - Self::INTERVAL_BITS)) - 1;

    /// The bytes between samples on average; zero while none are taken.
    #[inline(always)]
    pub(crate) const fn interval(self) -> usize {
        self.0 & Self::MOST_BYTES
    }

    /// One block in so many is fenced on average; none at zero.
    pub(crate) const fn fence_one_in(self) -> usize {
        self.0 >> Self::INTERVAL_BITS
    }

    pub(crate) const fn with_interval(self, bytes: usize) -> Self {
        let bytes = if bytes < Self::MOST_BYTES { bytes } else { Self::MOST_BYTES };
        Self(self.0 & !Self::MOST_BYTES | bytes)
    }

    pub(crate) const fn with_fence_one_in(self, blocks: usize) -> Self {
        let blocks = if blocks < Self::MOST_BLOCKS { blocks } else { Self::MOST_BLOCKS };
        Self(self.0 & Self::MOST_BYTES | blocks << Self::INTERVAL_BITS)
    }

    #[inline(always)]
    pub(crate) const fn from_word(word: usize) -> Self {
        Self(word)
    }

    pub(crate) const fn word(self) -> usize {
        self.0
    }
}

/// The number of blocks that pass before one is fenced, of which each is with the probability `1 / one_in`, for a random
/// word.
#[expect(clippy::cast_sign_loss, reason = "both logarithms are negative")]
pub(crate) fn blocks_before_fenced(one_in: usize, random: u64) -> u64 {
    // Every block: the logarithm of its chance to pass would be that of zero.
    if one_in == 1 {
        0
    } else {
        (libm::log(fraction(random)) / libm::log1p(-1.0 / one_in as f64)) as u64
    }
}

/// The number of blocks of `size` bytes that pass before one is sampled, for a random word.
pub(crate) fn blocks_before_next(size: usize, interval: usize, random: u64) -> u64 {
    bytes_before_next(interval, random) / size as u64
}

/// The number of bytes before the next point, for a random word.
#[expect(clippy::cast_sign_loss, reason = "the logarithm of a fraction is negative")]
pub(crate) fn bytes_before_next(interval: usize, random: u64) -> u64 {
    (-libm::log(fraction(random)) * interval as f64) as u64
}

/// The fraction of a random word: from above zero to one, in steps of 2^-53.
fn fraction(random: u64) -> f64 {
    ((random >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

/// The random word after another, which isn't zero (Marsaglia's xorshift).
pub(crate) const fn next_random(word: u64) -> u64 {
    let word = word ^ (word << 13);
    let word = word ^ (word >> 7);
    word ^ (word << 17)
}

/// The usable form of such a word: its low bits, which are the worst, depend on the others too (Vigna's xorshift*).
pub(crate) const fn scrambled(word: u64) -> u64 {
    word.wrapping_mul(0x2545_F491_4F6C_DD1D)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: usize = 1 << 19;

    /// Samples `count` blocks of `size` bytes as a thread does; returns what the samples stand for.
    fn sampled(size: usize, count: u64, random: &mut u64) -> Weight {
        let (mut weight, mut passed) = (Weight::NONE, 0);
        loop {
            *random = next_random(*random);
            passed += blocks_before_next(size, INTERVAL, scrambled(*random));
            if passed >= count {
                return weight;
            }
            weight += Weight::of(size, INTERVAL);
            passed += 1;
        }
    }

    #[test]
    fn sums_of_samples_are_right_within_their_error_for_every_size() {
        let mut random = 0x9E37_79B9_7F4A_7C15;
        for size in [8, 48, 1000, 32 << 10, INTERVAL / 3, INTERVAL, 3 * INTERVAL, 1 << 30] {
            let count = (INTERVAL as u64 * 20 / size as u64).max(20);
            let (mut sum, mut beyond) = (0.0, 0);
            for _ in 0..1000 {
                let weight = sampled(size, count, &mut random);
                let difference = weight.bytes as f64 - (count * size as u64) as f64;
                beyond += u32::from(difference.abs() > 3.0 * weight.error() + 1.0 + count as f64);
                sum += difference / (count * size as u64) as f64;
            }
            // About 20 samples: a relative error of 1/sqrt(20), of a mean of 1000 a thirtieth of that.
            assert!((sum / 1000.0).abs() < 0.03, "{size}: {}", sum / 1000.0);
            assert!(beyond < 40, "{size}: {beyond} of 1000");
        }
    }

    #[test]
    fn one_block_in_so_many_is_fenced() {
        let mut random = 0x9E37_79B9_7F4A_7C15;
        for one_in in [1, 2, 3, 10, 1000, 100_000] {
            let mut passed = 0;
            for _ in 0..10_000 {
                random = next_random(random);
                passed += 1 + blocks_before_fenced(one_in, scrambled(random));
            }
            // A relative error of 1 % at most, as of the mean of 10,000 distances.
            let mean = passed as f64 / 10_000.0;
            assert!((mean / one_in as f64 - 1.0).abs() < 0.04, "{one_in}: {mean}");
        }
        assert_eq!((blocks_before_fenced(1, 0), blocks_before_fenced(1, u64::MAX)), (0, 0));
    }

    #[test]
    fn both_rates_fit_into_a_word() {
        let both = Rates::NONE.with_interval(INTERVAL).with_fence_one_in(1000);
        assert_eq!((both.interval(), both.fence_one_in()), (INTERVAL, 1000));
        assert_eq!(both.with_interval(0), Rates::NONE.with_fence_one_in(1000));
        assert_eq!(both.with_fence_one_in(0), Rates::NONE.with_interval(INTERVAL));
        let most = Rates::NONE.with_interval(usize::MAX).with_fence_one_in(usize::MAX);
        assert_eq!(Rates::from_word(most.word()), Rates(usize::MAX));
    }

    #[test]
    fn a_block_far_beyond_the_interval_stands_for_itself() {
        let weight = Weight::of(1 << 30, INTERVAL);
        assert_eq!((weight.bytes, weight.blocks(), weight.variance), (1 << 30, 1, 0));
    }

    #[test]
    fn what_was_added_can_be_taken_away() {
        let (mut sum, sizes) = (Weight::NONE, [8, 24, 100, 4096, 70_000, 1 << 20]);
        for size in sizes {
            sum += Weight::of(size, INTERVAL);
        }
        assert_eq!(sum.samples, 6);
        for size in sizes {
            sum -= Weight::of(size, INTERVAL);
        }
        assert_eq!(sum, Weight::NONE);
    }
}
