//! A heap block that carries a tag, so that a lost or mixed-up block changes the checksum.

use std::mem::MaybeUninit;

use fastrand::Rng;

/// A block of memory whose first 8 bytes hold a tag.
///
/// Only its first and last bytes are written (and for [`Block::touched`] one byte of each page): the
/// workloads measure the allocator, not `memset`.
#[derive(Debug)]
pub struct Block(Vec<u8>);

impl Block {
    /// Size of the tag, and so of the smallest block, in bytes.
    pub const MIN: usize = size_of::<u64>();

    /// A block of `size` bytes, at least [`Block::MIN`], that carries `tag`.
    #[inline]
    pub fn new(size: usize, tag: u64) -> Self {
        let mut bytes = Vec::with_capacity(size.max(Self::MIN));
        bytes.extend_from_slice(&tag.to_ne_bytes());
        if let Some(last) = bytes.spare_capacity_mut().last_mut() {
            *last = MaybeUninit::new(tag as u8);
        }
        Self(bytes)
    }

    /// A block of `size` bytes with every page of it written to, as a program would that uses it.
    pub fn touched(size: usize, tag: u64) -> Self {
        let mut block = Self::new(size, tag);
        for byte in block.0.spare_capacity_mut().iter_mut().step_by(4096) {
            *byte = MaybeUninit::new(tag as u8);
        }
        block
    }

    /// No block: it holds no memory.
    pub fn empty() -> Self {
        Self(Vec::new())
    }

    /// Its size in bytes; 0 of none.
    pub fn size(&self) -> usize {
        self.0.capacity()
    }

    /// The tag, read back from the block's memory.
    pub fn tag(&self) -> u64 {
        self.0.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes))
    }
}

/// A random size of `bits` significant bits: every power of two in the range is as likely as the next, as
/// in most programs small sizes are far more common than large ones.
pub fn skewed_size(rng: &mut Rng, bits: std::ops::Range<u32>) -> usize {
    let lowest = 1 << rng.u32(bits);
    lowest + rng.usize(..lowest)
}

#[cfg(test)]
mod tests {
    use super::{Block, skewed_size};

    #[test]
    fn skewed_sizes_stay_in_their_range() {
        let mut rng = fastrand::Rng::with_seed(1);
        assert!(
            (0..1000).map(|_| skewed_size(&mut rng, 3..10)).all(|size| (8..1024).contains(&size))
        );
    }

    #[test]
    fn the_tag_survives_in_every_size() {
        for size in [0, 1, 8, 9, 4096, 1 << 20] {
            assert_eq!(Block::new(size, 42).tag(), 42);
            assert_eq!(Block::new(size, 42).size(), size.max(8));
            assert_eq!(Block::touched(size, u64::MAX).tag(), u64::MAX);
        }
    }
}
