//! Sampling: the choice of allocations, and the weights of samples.
//!
//! Points lie at random along all bytes that are allocated, `interval` bytes apart on average, and a block is sampled if
//! a point lies in it.
//! So blocks of `size` bytes are sampled independently of each other, with the probability
//! `p = 1 - exp(-size / interval)`, and each stands for `1 / p` blocks of its size: sums of these are right on average,
//! whatever the sizes (Horvitz and Thompson, 1952).

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

/// The number of blocks of `size` bytes that pass before one is sampled, for a random word.
pub(crate) fn blocks_before_next(size: usize, interval: usize, random: u64) -> u64 {
    bytes_before_next(interval, random) / size as u64
}

/// The number of bytes before the next point, for a random word.
#[expect(clippy::cast_sign_loss, reason = "the logarithm of a fraction is negative")]
pub(crate) fn bytes_before_next(interval: usize, random: u64) -> u64 {
    // From above zero to one, in steps of 2^-53.
    let fraction = ((random >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    (-libm::log(fraction) * interval as f64) as u64
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
