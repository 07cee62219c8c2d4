//! The size and alignment of blocks, and the arithmetic from offsets to blocks.

use core::{alloc::Layout, fmt};

use crate::{BlockError, free_list::Link};

/// The size and alignment that all blocks of an allocator share.
///
/// A free block holds a link to the next one, so size and alignment are rounded up to a link's; and
/// the size is rounded up to a multiple of the alignment, for only then is every block of a row
/// aligned when the first is (S2.3).
///
/// ```
/// use stratalloc_block::BlockLayout;
///
/// let blocks = BlockLayout::new(20, 16)?;
/// assert_eq!((blocks.size(), blocks.align(), blocks.padding()), (32, 16, 12));
/// assert_eq!(BlockLayout::new(1, 1)?.size(), size_of::<usize>());
/// # Ok::<(), stratalloc_block::BlockError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BlockLayout {
    layout: Layout,
    payload: usize,
    /// The inverse of the size's odd part, modulo 2^word. See [`slot`](Self::slot).
    inverse: usize,
}

impl BlockLayout {
    /// Blocks that each hold `size` bytes aligned to `align`, which must be a power of two.
    pub const fn new(size: usize, align: usize) -> Result<Self, BlockError> {
        if !align.is_power_of_two() {
            return Err(BlockError::Alignment { align });
        }
        let link = Layout::new::<Link>();
        let rounded_size = if size < link.size() { link.size() } else { size };
        let rounded_align = if align < link.align() { link.align() } else { align };
        match Layout::from_size_align(rounded_size, rounded_align) {
            Ok(layout) => {
                let layout = layout.pad_to_align();
                Ok(Self { layout, payload: size, inverse: inverse_of_odd_part(layout.size()) })
            }
            Err(_) => Err(BlockError::TooLarge { size, align }),
        }
    }

    /// Blocks that each hold a `T`.
    pub const fn of<T>() -> Self {
        const {
            match Self::new(size_of::<T>(), align_of::<T>()) {
                Ok(blocks) => blocks,
                Err(_) => panic!("a type of almost the whole address space"),
            }
        }
    }

    /// Returns the distance between blocks in bytes: a multiple of [`align`](Self::align).
    #[inline]
    pub const fn size(self) -> usize {
        self.layout.size()
    }

    /// Returns the alignment of every block in bytes.
    #[inline]
    pub const fn align(self) -> usize {
        self.layout.align()
    }

    /// Returns the bytes of each block beyond the size asked for: its internal fragmentation.
    pub const fn padding(self) -> usize {
        self.layout.size() - self.payload
    }

    /// Returns whether a block serves `layout`.
    #[inline]
    pub const fn fits(self, layout: Layout) -> bool {
        layout.size() <= self.size() && layout.align() <= self.align()
    }

    /// Returns how many blocks a chunk of `bytes` holds when it is not the first, whose last bytes are then
    /// a link: with it, a [`Growth`](crate::Growth) can be matched to the sizes that a base likes.
    ///
    /// ```
    /// # use stratalloc_block::BlockLayout;
    /// assert_eq!(BlockLayout::new(64, 64)?.per_chunk_of(4096), 63);
    /// # Ok::<(), stratalloc_block::BlockError>(())
    /// ```
    pub const fn per_chunk_of(self, bytes: usize) -> usize {
        bytes.saturating_sub(size_of::<Link>()) / self.size()
    }

    /// `offset / size` if that has no remainder, else a number above every quotient.
    ///
    /// A multiplication and a rotation stand in for the division: the inverse undoes the odd factor,
    /// the rotation the power of two, and what is no multiple ends up above `usize::MAX / size`
    /// (Granlund and Montgomery, "Division by Invariant Integers", 1994, section 9). So comparing
    /// the result with the number of blocks tells at once that an offset is in range and that a
    /// block starts there.
    #[inline]
    pub(crate) const fn slot(self, offset: usize) -> usize {
        offset.wrapping_mul(self.inverse).rotate_right(self.size().trailing_zeros())
    }
}

impl fmt::Debug for BlockLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockLayout")
            .field("size", &self.size())
            .field("align", &self.align())
            .field("padding", &self.padding())
            .finish()
    }
}

/// By Newton's iteration: each step doubles the number of right bits, and three are right at first.
const fn inverse_of_odd_part(size: usize) -> usize {
    let odd = size >> size.trailing_zeros();
    let mut inverse = odd;
    let mut right_bits = 3;
    while right_bits < usize::BITS {
        inverse = inverse.wrapping_mul(2usize.wrapping_sub(odd.wrapping_mul(inverse)));
        right_bits *= 2;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up_to_a_link_and_to_the_alignment() {
        for shift in 0..13 {
            let align = 1 << shift;
            for size in 0..600 {
                let blocks = BlockLayout::new(size, align).unwrap();
                assert!(blocks.align() >= align && blocks.size() >= size_of::<Link>());
                assert!(blocks.size() % blocks.align() == 0);
                assert_eq!(blocks.size() - blocks.padding(), size);
                assert!(size < 8 || blocks.padding() < blocks.align(), "the least that serves");
            }
        }
    }

    #[test]
    fn what_can_not_be_a_block_is_refused() {
        for align in [0, 3, 12, usize::MAX] {
            assert_eq!(BlockLayout::new(8, align), Err(BlockError::Alignment { align }));
        }
        for size in [usize::MAX, isize::MAX as usize] {
            assert_eq!(BlockLayout::new(size, 16), Err(BlockError::TooLarge { size, align: 16 }));
        }
        assert!(BlockLayout::new(isize::MAX as usize - 15, 16).is_ok());
    }

    #[test]
    fn slots_are_quotients_and_only_of_multiples() {
        for size in (8..2000).step_by(8) {
            let blocks = BlockLayout::new(size, 8).unwrap();
            for offset in (0..20_000).chain(usize::MAX - 9_000..=usize::MAX) {
                let slot = blocks.slot(offset);
                if offset % size == 0 {
                    assert_eq!(slot, offset / size);
                } else {
                    assert!(slot > usize::MAX / size, "{offset} / {size}");
                }
            }
        }
    }
}
