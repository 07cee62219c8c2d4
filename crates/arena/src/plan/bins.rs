//! Bins: the size classes as the fast paths index them, and the shape of their slabs.
//!
//! A bin is a size class's index plus one. Bin 0 is no class: its stack is empty and full at once, so that a call that
//! finds it falls into the slow path without a test of its own.

use stratalloc_core::{CLASS_COUNT, MAX_CLASS_SIZE, SizeClass};

use crate::{
    plan::geometry::{Partition, TILE_SHIFT},
    thresholds::{FIRST_SLAB, FIRST_WHOLE, KEYED},
};

/// The number of bins, bin 0 among them.
pub(crate) const BINS: usize = CLASS_COUNT + 1;

/// A size class, as the fast paths index it, or none. All zero is none.
///
/// # Invariants
///
/// - [BIN-1: bound] It is below [`BINS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Bin(u8);

const _: () = assert!(BINS <= u8::MAX as usize);

impl Bin {
    /// The bin of no class.
    pub(crate) const NONE: Self = Self(0);

    /// The bin of a class.
    pub(crate) const fn of(class: SizeClass) -> Self {
        Self(class.index() as u8 + 1)
    }

    /// The bins of all classes, smallest blocks first.
    pub(crate) fn all() -> impl DoubleEndedIterator<Item = Self> {
        (1..BINS as u8).map(Self)
    }

    /// Its index in tables of [`BINS`] entries.
    #[inline(always)]
    pub(crate) const fn index(self) -> usize {
        // SAFETY: [BIN-1: bound].
        unsafe { core::hint::assert_unchecked((self.0 as usize) < BINS) };
        self.0 as usize
    }

    /// Its byte in the table of tiles.
    pub(crate) const fn byte(self) -> u8 {
        self.0
    }

    /// The shape of its slabs: of all but the first, which may lie in [`Partition::FIRST`]. That of [`Bin::NONE`] says of no
    /// address that a block starts there, and isn't asked for more.
    #[inline(always)]
    pub(crate) fn shape(self) -> &'static SlabShape {
        &SHAPES[self.index()]
    }

    /// The shape of its slabs in [`Partition::FIRST`].
    #[inline(always)]
    pub(crate) fn first_shape(self) -> &'static SlabShape {
        &FIRST_SHAPES[self.index()]
    }

    /// The shape of its slab that an address lies in.
    #[inline(always)]
    pub(crate) fn shape_at(self, address: *mut u8) -> &'static SlabShape {
        if Partition::is_in_first(address.addr()) { self.first_shape() } else { self.shape() }
    }
}

/// A set of bins. All zero is empty.
#[derive(Clone, Copy, Default)]
pub(crate) struct Bins(u128);

const _: () = assert!(BINS <= u128::BITS as usize);

impl Bins {
    /// Adds a bin.
    pub(crate) fn insert(&mut self, bin: Bin) {
        self.0 |= 1 << bin.0;
    }

    /// Its bins, smallest blocks first.
    pub(crate) fn iter(self) -> impl Iterator<Item = Bin> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            let bin = (left != 0).then(|| Bin(left.trailing_zeros() as u8));
            left &= left.wrapping_sub(1);
            bin
        })
    }
}

/// What a segment looks like that serves as a slab of one class.
#[derive(Clone, Copy)]
pub(crate) struct SlabShape {
    /// Bytes of a block.
    pub(crate) block_size: u32,
    /// Blocks of a segment.
    pub(crate) capacity: u32,
    /// Blocks that a thread's stack holds at most.
    pub(crate) stack: u32,
    /// The bits of an address that are its offset in the segment.
    offset_mask: u32,
    /// The partition whose segments serve as slabs.
    pub(crate) partition: Partition,
    /// 2^`RECIPROCAL_SHIFT` by the block size, rounded up: block = offset · reciprocal >> shift.
    reciprocal: u64,
    /// Below this are the products of such offsets as are in blocks.
    end: u64,
}

/// Offsets in a slab have 22 bits, block sizes at most 15: with 42 bits the product fits 64 bits and
/// the quotient is exact for every offset (tested for all of them).
const RECIPROCAL_SHIFT: u32 = 42;
/// The bits of such a product that are all zero exactly if the block size divides the offset: the excess of the rounded
/// reciprocal adds up to less than 2^22, and one byte more is 2^27 at least.
const REMAINDER: u64 = (1 << RECIPROCAL_SHIFT) - (1 << 22);

/// The bytes that a thread keeps at most in the stack of one bin, and the least count.
const STACK_BYTES: usize = 32 * 1024;
/// The same of blocks up to a kibibyte: with 32 KiB, 100 of 1,024 bytes at a time took a third more time. As much of larger ones
/// too, and bursts of one size after another hold a third more memory.
const STACK_BYTES_SMALL: usize = 64 * 1024;
const STACK_SMALL: usize = 1024;
const STACK_MIN: usize = 8;
/// The blocks that a stack holds at most.
pub(crate) const STACK_MAX: usize = 128;

impl SlabShape {
    /// That of the slabs of a class in a partition, of so many bytes.
    const fn of(class: SizeClass, partition: Partition, bytes: usize) -> Self {
        let size = class.block_size();
        let stack = if size <= STACK_SMALL { STACK_BYTES_SMALL } else { STACK_BYTES } / size;
        let capacity = bytes / size;
        Self {
            block_size: size as u32,
            capacity: capacity as u32,
            stack: if stack > STACK_MAX {
                STACK_MAX
            } else if stack < STACK_MIN {
                STACK_MIN
            } else {
                stack
            } as u32,
            offset_mask: partition.segment_size() as u32 - 1,
            partition,
            reciprocal: (1u64 << RECIPROCAL_SHIFT).div_ceil(size as u64),
            end: (capacity as u64) << RECIPROCAL_SHIFT,
        }
    }

    /// That of no slab: no block starts there.
    const fn of_none() -> Self {
        Self { end: 0, ..Self::of(SizeClass::from_index(0).unwrap(), Partition::FIRST, FIRST_SLAB) }
    }

    /// The number of the block that `offset` of a slab lies in.
    #[inline(always)]
    pub(crate) const fn block_at(&self, offset: usize) -> usize {
        ((offset as u64 * self.reciprocal) >> RECIPROCAL_SHIFT) as usize
    }

    /// The number of the block that an address of a slab lies in.
    #[inline(always)]
    pub(crate) fn block_around(&self, address: *mut u8) -> usize {
        self.block_at(address.addr() & self.offset_mask as usize)
    }

    /// Whether two addresses in slabs of its partition lie in one slab.
    #[inline(always)]
    pub(crate) fn are_together(&self, one: *mut u8, other: *mut u8) -> bool {
        one.addr() ^ other.addr() <= self.offset_mask as usize
    }

    /// The number of the block that starts at `offset` of a slab, if one does.
    #[inline(always)]
    pub(crate) const fn block_from(&self, offset: usize) -> Option<usize> {
        let product = offset as u64 * self.reciprocal;
        // By the remainder, without another multiplication.
        if product & REMAINDER == 0 { Some((product >> RECIPROCAL_SHIFT) as usize) } else { None }
    }

    /// Whether a block starts at an address of a slab, handed out or not.
    #[inline]
    pub(crate) fn is_start(&self, address: *mut u8) -> bool {
        let offset = address.addr() as u32 & self.offset_mask;
        let product = u64::from(offset) * self.reciprocal;
        // By the remainder, without another multiplication.
        product & REMAINDER == 0 && product < self.end
    }

    /// How far into a block an address of a slab lies; beyond the last one, not at its start.
    #[inline]
    pub(crate) fn offset_in_block(&self, address: *mut u8) -> usize {
        let offset = address.addr() & (self.partition.segment_size() - 1);
        let block = self.block_at(offset).min(self.capacity as usize - 1);
        offset - block * self.block_size as usize
    }
}

/// The tiles of the partitions of all classes up to `size` bytes.
pub(crate) const fn tiles_to(size: usize) -> usize {
    partition_of(size + 1).offset() >> TILE_SHIFT
}

/// The seed's rows: classes to 64 bytes in partition 0, each doubling in the next, all from 2304 to
/// 32 768 in partition 6 (S4.2).
const fn partition_of(block_size: usize) -> Partition {
    let row = if block_size <= 64 { 0 } else { (block_size - 1).ilog2() as usize - 5 };
    match Partition::new(if row > 6 { 6 } else { row }) {
        Some(partition) => partition,
        None => panic!("rows end at 6"),
    }
}

/// The shape of each bin's slabs; of bin 0's, only that no block starts there is used.
pub(crate) static SHAPES: [SlabShape; BINS] = shapes(false);
/// The same of slabs in the first partition.
static FIRST_SHAPES: [SlabShape; BINS] = shapes(true);

const fn shapes(first: bool) -> [SlabShape; BINS] {
    let mut shapes = [SlabShape::of_none(); BINS];
    let mut bin = 1;
    while bin < BINS {
        let class = SizeClass::from_index(bin - 1).unwrap();
        let size = class.block_size();
        let partition = if first { Partition::FIRST } else { partition_of(size) };
        let is_part = first && size > FIRST_WHOLE && size <= FIRST_SLAB;
        let bytes = if is_part { FIRST_SLAB } else { partition.segment_size() };
        shapes[bin] = SlabShape::of(class, partition, bytes);
        bin += 1;
    }
    shapes
}

/// For each bin, the low bits that are zero in the addresses of all its blocks; none for bin 0.
pub(crate) static INSIDE: [u16; BINS] = {
    let mut inside = [0; BINS];
    let mut bin = 1;
    while bin < BINS {
        inside[bin] = (1 << SHAPES[bin].block_size.trailing_zeros()) - 1;
        bin += 1;
    }
    inside
};

/// The bin of a size in eight-byte steps, for callers that name an alignment (Rust).
static BIN_OF_8: [Bin; MAX_CLASS_SIZE / 8] = bin_table();
/// The bin of a size in 16-byte steps, for callers that always need 16 (C).
static BIN_OF_16: [Bin; MAX_CLASS_SIZE / 16] = bin_table();

/// The same of each size whose blocks get keys, by the byte; of size 0, that of 1.
pub(crate) static SMALL_BINS: [Bin; KEYED + 1] = {
    let mut bins = [BIN_OF_16[0]; KEYED + 1];
    let mut size = 1;
    while size < bins.len() {
        bins[size] = BIN_OF_16[(size - 1) / 16];
        size += 1;
    }
    bins
};

const fn bin_table<const N: usize>() -> [Bin; N] {
    let step = MAX_CLASS_SIZE / N;
    let mut bins = [Bin::NONE; N];
    let mut index = 0;
    while index < N {
        bins[index] = Bin::of(SizeClass::for_size_align((index + 1) * step, step).unwrap());
        index += 1;
    }
    bins
}

/// The bin that serves `size` bytes at `align`, a power of two; `None` for size 0 and where no class serves. One load if
/// `align` is known to be at most 16.
#[inline(always)]
pub(crate) const fn bin_for(size: usize, align: usize) -> Option<Bin> {
    // Size 0 wraps to the largest index, beyond both tables.
    let last = size.wrapping_sub(1);
    if last >= MAX_CLASS_SIZE {
        None
    } else if align <= 8 {
        Some(BIN_OF_8[last / 8])
    } else if align <= 16 {
        Some(BIN_OF_16[last / 16])
    } else {
        match SizeClass::for_size_align(size, align) {
            Some(class) => Some(Bin::of(class)),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::geometry::AREA_SIZE;

    #[test]
    fn each_size_finds_the_smallest_class_with_its_alignment() {
        for align in [1, 8, 16, 32, 4096, MAX_CLASS_SIZE] {
            for size in 1..=MAX_CLASS_SIZE {
                let class = SizeClass::for_size_align(size, align).unwrap();
                assert_eq!(bin_for(size, align), Some(Bin::of(class)), "{size} at {align}");
            }
            for size in [0, MAX_CLASS_SIZE + 1, usize::MAX] {
                assert_eq!(bin_for(size, align), None, "{size} at {align}");
            }
        }
    }

    #[test]
    fn each_small_size_of_c_finds_its_class_and_none_that_of_one_byte() {
        assert_eq!(SMALL_BINS[0], SMALL_BINS[1]);
        for (size, &bin) in SMALL_BINS.iter().enumerate().skip(1) {
            assert_eq!(Some(bin), bin_for(size, 16), "{size}");
        }
    }

    #[test]
    fn each_class_lies_in_its_row_of_the_seeds_table() {
        for (bin, shape) in SHAPES.iter().enumerate().skip(1) {
            let row = match shape.block_size {
                0..=64 => 0,
                65..=128 => 1,
                129..=256 => 2,
                257..=512 => 3,
                513..=1024 => 4,
                1025..=2048 => 5,
                _ => 6,
            };
            assert_eq!(shape.partition.number(), row, "bin {bin}");
        }
    }

    #[test]
    fn a_set_has_the_bins_that_were_added() {
        let mut set = Bins::default();
        let added: Vec<_> = Bin::all().filter(|bin| bin.index() % 3 != 1).collect();
        for &bin in added.iter().rev().chain(&added) {
            set.insert(bin);
        }
        assert!(set.iter().eq(added));
        assert_eq!(Bins::default().iter().count(), 0);
    }

    #[test]
    fn blocks_start_at_multiples_of_their_size_below_the_capacity() {
        for (bin, partition) in Bin::all()
            .flat_map(|bin| [bin.shape().partition, Partition::FIRST].map(|place| (bin, place)))
        {
            let (size, end) = (bin.shape().block_size as usize, partition.segment_size());
            let segment = 5 * AREA_SIZE + partition.offset() + 7 * end;
            let shape = bin.shape_at(core::ptr::without_provenance_mut(segment));
            let blocks = shape.capacity as usize;
            let is_part = partition != bin.shape().partition
                && (FIRST_WHOLE + 1..=FIRST_SLAB).contains(&size);
            let bytes = if is_part { FIRST_SLAB } else { end };
            assert_eq!((shape.partition, blocks), (partition, bytes / size));
            for block in 0..end / size + 2 {
                for offset in (block * size).saturating_sub(1)..(block * size + 2).min(end) {
                    let address = core::ptr::without_provenance_mut::<u8>(segment + offset);
                    let starts = offset % size == 0 && offset / size < blocks;
                    assert_eq!(shape.is_start(address), starts, "{offset} in blocks of {size}");
                    let together = core::ptr::without_provenance_mut(segment + end - offset - 1);
                    let apart = [segment - 1, segment + end + offset];
                    assert!(shape.are_together(address, together));
                    assert!(!apart.iter().any(|&it| {
                        shape.are_together(address, core::ptr::without_provenance_mut(it))
                    }));
                    let before = (offset / size).min(blocks - 1) * size;
                    assert_eq!(shape.offset_in_block(address), offset - before);
                }
            }
        }
    }

    #[test]
    fn no_block_starts_where_no_slab_is() {
        for shape in [SHAPES[0], FIRST_SHAPES[0]] {
            let is_start = |&at: &usize| shape.is_start(core::ptr::without_provenance_mut(at));
            assert_eq!((0..1 << 16).filter(is_start).count(), 0);
        }
    }

    #[test]
    fn the_bits_inside_of_blocks_are_those_of_no_start() {
        assert_eq!(INSIDE[0], 0);
        for (shape, inside) in SHAPES.iter().zip(INSIDE).skip(1) {
            let (size, inside) = (shape.block_size as usize, inside as usize);
            // The first two blocks have all of the bits that others' addresses have at most.
            assert_eq!((size & inside, (2 * size) & inside), (0, 0), "{size}");
            assert!(
                inside + 1 >= size || size & (inside + 1) != 0,
                "one bit more is a start's: {size}"
            );
            assert_eq!(inside + 1 == size, size.is_power_of_two());
        }
    }

    #[test]
    fn block_numbers_are_exact_for_every_offset() {
        for shape in &SHAPES[1..] {
            let size = shape.block_size as usize;
            // The quotient changes only at multiples of the size: their neighbours decide.
            for block in 0..shape.capacity as usize {
                assert_eq!(shape.block_at(block * size), block);
                assert_eq!(shape.block_at(block * size + size - 1), block);
            }
        }
    }
}
