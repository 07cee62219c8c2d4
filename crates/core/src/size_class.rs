//! Size classes: which block size serves which request, as the arenas' table has it.
//!
//! Spacing is 8 bytes up to 64, then eight classes for each doubling up to 32 KiB (S4.2).
//! Internal fragmentation is below 1/9 of a block from 72 bytes on.

/// The largest size, in bytes, that has a class.
pub const MAX_CLASS_SIZE: usize = 32 * 1024;

/// The number of classes.
pub const CLASS_COUNT: usize = 80;

/// Sizes are looked up in steps of this many bytes.
const STEP: usize = 8;

/// The classes of each doubling.
const PER_DOUBLING: usize = 8;

/// A class of sizes; `0..CLASS_COUNT`, in the order of their block sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct SizeClass(u8);

impl SizeClass {
    /// Returns the class with this index, if there is one.
    pub const fn from_index(index: usize) -> Option<Self> {
        if index < CLASS_COUNT { Some(Self(index as u8)) } else { None }
    }

    /// Returns the smallest class whose blocks hold `size` bytes; `None` above [`MAX_CLASS_SIZE`].
    ///
    /// One load from a table, whatever the size. Size zero has the class of the smallest blocks.
    ///
    /// ```
    /// use stratalloc_core::SizeClass;
    /// assert_eq!(SizeClass::for_size(65).unwrap().block_size(), 72);
    /// assert_eq!(SizeClass::for_size(32_769), None);
    /// ```
    #[inline]
    pub const fn for_size(size: usize) -> Option<Self> {
        if size <= MAX_CLASS_SIZE { Some(Self(CLASS_OF_STEP[size.div_ceil(STEP)])) } else { None }
    }

    /// Returns the smallest class whose blocks hold `size` bytes and are all aligned to `align`, in slabs
    /// that are aligned to at least `align`.
    ///
    /// A block size that is a multiple of `align` does that; `align` must be a power of two.
    #[inline]
    pub const fn for_size_align(size: usize, align: usize) -> Option<Self> {
        debug_assert!(align.is_power_of_two());
        if align <= STEP {
            return Self::for_size(size);
        }
        if size > MAX_CLASS_SIZE || align > MAX_CLASS_SIZE {
            return None;
        }
        // Within one doubling, the classes are `base/8` apart: rounding the size up to the
        // alignment leads to a class that is a multiple of it, or to the next power of two.
        let rounded = if size < align { align } else { (size + align - 1) & !(align - 1) };
        let Some(class) = Self::for_size(rounded) else { return None };
        if class.block_size() & (align - 1) == 0 {
            Some(class)
        } else {
            Self::for_size(rounded.next_power_of_two())
        }
    }

    /// Returns its index, `0..CLASS_COUNT`.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Returns the size of its blocks in bytes.
    #[inline]
    pub const fn block_size(self) -> usize {
        BLOCK_SIZES[self.0 as usize] as usize
    }
}

/// Block sizes by class: 8, 16, … 64, 72, … 32 768.
const BLOCK_SIZES: [u16; CLASS_COUNT] = {
    let mut sizes = [0; CLASS_COUNT];
    let mut class = 0;
    while class < CLASS_COUNT {
        let doubling = class / PER_DOUBLING;
        let position = class % PER_DOUBLING + 1;
        // The first row is 8 apart from 0; row d starts at 32 << d and is (4 << d) apart.
        let size = if doubling == 0 {
            position * STEP
        } else {
            (PER_DOUBLING + position) * (4 << doubling)
        };
        sizes[class] = size as u16;
        class += 1;
    }
    sizes
};

/// The class of each size, in steps of eight bytes, rounded up.
static CLASS_OF_STEP: [u8; MAX_CLASS_SIZE / STEP + 1] = {
    let mut classes = [0; MAX_CLASS_SIZE / STEP + 1];
    let mut class = 0;
    let mut step = 0;
    while step < classes.len() {
        if step * STEP > BLOCK_SIZES[class] as usize {
            class += 1;
        }
        classes[step] = class as u8;
        step += 1;
    }
    classes
};

const _: () = assert!(BLOCK_SIZES[CLASS_COUNT - 1] as usize == MAX_CLASS_SIZE);

#[cfg(test)]
mod tests {
    use super::*;

    /// The seed's table, row by row (S4.2).
    const SEED: [usize; 56] = [
        8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128, 144, 160, 176, 192, 208,
        224, 240, 256, 288, 320, 352, 384, 416, 448, 480, 512, 576, 640, 704, 768, 832, 896, 960,
        1024, 1152, 1280, 1408, 1536, 1664, 1792, 1920, 2048, 2304, 2560, 2816, 3072, 3328, 3584,
        3840, 4096,
    ];

    fn classes() -> impl Iterator<Item = SizeClass> {
        (0..CLASS_COUNT).map(|index| SizeClass::from_index(index).unwrap())
    }

    #[test]
    fn block_sizes_are_the_seeds() {
        let ours: std::vec::Vec<_> = classes().map(SizeClass::block_size).collect();
        assert_eq!(ours[..SEED.len()], SEED);
        assert!(ours.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn every_size_has_the_smallest_class_that_holds_it() {
        for size in 0..=MAX_CLASS_SIZE {
            let naive = classes().find(|class| class.block_size() >= size);
            assert_eq!(SizeClass::for_size(size), naive, "size {size}");
        }
        assert_eq!(SizeClass::for_size(MAX_CLASS_SIZE + 1), None);
        assert_eq!(SizeClass::for_size(usize::MAX), None);
    }

    #[test]
    fn every_alignment_is_kept_by_the_smallest_class_that_can() {
        for shift in 0..=15 {
            let align = 1 << shift;
            for size in (0..=MAX_CLASS_SIZE).step_by(7).chain([MAX_CLASS_SIZE]) {
                let naive = classes()
                    .find(|class| class.block_size() >= size && class.block_size() % align == 0)
                    .filter(|_| align <= MAX_CLASS_SIZE);
                let naive = if align <= STEP { SizeClass::for_size(size) } else { naive };
                assert_eq!(SizeClass::for_size_align(size, align), naive, "{size} at {align}");
            }
        }
        assert_eq!(SizeClass::for_size_align(1, 2 * MAX_CLASS_SIZE), None);
    }
}
