//! What the user asks: block sizes, how the heap is split among them, alignment.

/// The most block sizes a heap can be divided among (assumption 6 of the seed, S0.7).
pub const MAX_SIZES: usize = 248;

/// The largest alignment of blocks, in bytes.
pub const MAX_ALIGN: usize = 4096;

/// How the heap is split among the block sizes. Whatever a pool can't use of its share goes to the
/// next smaller one, so that at most a smallest block is lost in all (S0.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split<'a> {
    /// Each size gets the same number of bytes: small sizes get many blocks (assumption 2).
    #[default]
    Equal,
    /// Each size gets bytes in proportion to its block size: all get as many blocks
    /// (assumption 2a).
    Proportional,
    /// Each size gets bytes in proportion to its weight.
    Weights(&'a [u32]),
    /// Each size gets so many blocks, no more and no less.
    Counts(&'a [u32]),
}

/// The configuration of a pool allocator.
///
/// ```
/// use stratalloc_pool::{Config, Full, Split};
///
/// // Checked when the program is compiled: a mistake fails the build with its name.
/// const CONFIG: Config =
///     Config::new(&[16, 64, 256]).split(Split::Weights(&[1, 2, 1])).for_heap::<Full>(4096);
/// assert_eq!(CONFIG.align_of_blocks(), 8);
/// ```
///
/// ```compile_fail
/// use stratalloc_pool::{Config, Full};
/// const UNSORTED: Config = Config::new(&[64, 16]).for_heap::<Full>(4096);
/// # let _ = UNSORTED;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config<'a> {
    pub(crate) sizes: &'a [usize],
    pub(crate) split: Split<'a>,
    pub(crate) align: usize,
}

impl<'a> Config<'a> {
    /// Ascending block sizes in bytes, an equal split, blocks aligned to 8 bytes.
    ///
    /// Sizes that the alignment rounds up to the same block (`1..=8`) share one pool, and join
    /// their shares of the heap.
    pub const fn new(sizes: &'a [usize]) -> Self {
        Self { sizes, split: Split::Equal, align: 8 }
    }

    /// Splits the heap like this.
    #[must_use]
    pub const fn split(mut self, split: Split<'a>) -> Self {
        self.split = split;
        self
    }

    /// Aligns every block to `align` bytes, a power of two up to [`MAX_ALIGN`], and rounds block
    /// sizes up to multiples of it. The heap must be aligned so too.
    #[must_use]
    pub const fn align(mut self, align: usize) -> Self {
        self.align = align;
        self
    }

    /// Blocks of exactly the sizes given, aligned to nothing: one byte takes one byte (S0.8).
    #[must_use]
    pub const fn packed(self) -> Self {
        self.align(1)
    }

    /// Returns the block sizes given.
    pub const fn sizes(&self) -> &'a [usize] {
        self.sizes
    }

    /// Returns the alignment of every block in bytes.
    pub const fn align_of_blocks(&self) -> usize {
        self.align
    }
}
