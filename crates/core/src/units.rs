//! Numbers that say what they count: addresses, bytes, pages, alignments.
//!
//! Each has only the operators that mean something (an address less an address is bytes; two
//! addresses can't be added), and arithmetic that could overflow returns an `Option`. Pointers stay
//! pointers: an [`Addr`] is for computing and comparing, and becomes a pointer again only with the
//! provenance of one that may reach it.

use core::{alloc::Layout, fmt, num::NonZero, ptr::NonNull};

/// A power of two that addresses or sizes are multiples of, in bytes.
///
/// ```
/// use stratalloc_core::Alignment;
/// let page = Alignment::new(4096).unwrap();
/// assert_eq!(page.up(1), Some(4096));
/// assert_eq!(page.down(8191), 4096);
/// assert_eq!(page.up(usize::MAX), None);
/// assert_eq!(Alignment::new(24), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Alignment(usize);

impl Alignment {
    /// One byte: no demand at all.
    pub const ONE: Self = Self(1);

    /// `bytes`, if it is a power of two.
    pub const fn new(bytes: usize) -> Option<Self> {
        if bytes.is_power_of_two() { Some(Self(bytes)) } else { None }
    }

    /// The alignment of `T`.
    pub const fn of<T>() -> Self {
        Self(align_of::<T>())
    }

    /// The alignment that `layout` asks for.
    pub const fn of_layout(layout: Layout) -> Self {
        Self(layout.align())
    }

    /// In bytes.
    #[inline]
    pub const fn get(self) -> usize {
        self.0
    }

    /// The number of low bits that are zero in a multiple of it.
    #[inline]
    pub const fn log2(self) -> u32 {
        self.0.trailing_zeros()
    }

    /// The greater of two alignments: what is aligned to it is aligned to both.
    #[must_use]
    pub const fn max(self, other: Self) -> Self {
        if self.0 >= other.0 { self } else { other }
    }

    /// The smallest multiple that isn't below `value`; `None` past `usize::MAX`.
    #[inline]
    pub const fn up(self, value: usize) -> Option<usize> {
        match value.checked_add(self.0 - 1) {
            Some(sum) => Some(self.down(sum)),
            None => None,
        }
    }

    /// The largest multiple that isn't above `value`.
    #[inline]
    pub const fn down(self, value: usize) -> usize {
        value & !(self.0 - 1)
    }

    /// Whether `value` is a multiple.
    #[inline]
    pub const fn divides(self, value: usize) -> bool {
        value & (self.0 - 1) == 0
    }
}

impl fmt::Debug for Alignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Alignment({})", self.0)
    }
}

/// A number of bytes.
///
/// ```
/// use stratalloc_core::{Bytes, PageCount};
/// let page = Bytes::new(4096);
/// assert_eq!(PageCount::holding(Bytes::new(4097), page), PageCount::new(2));
/// assert_eq!(PageCount::new(2).bytes(page), Some(Bytes::new(8192)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Bytes(usize);

impl Bytes {
    /// `count` bytes.
    pub const fn new(count: usize) -> Self {
        Self(count)
    }

    /// The number.
    #[inline]
    pub const fn get(self) -> usize {
        self.0
    }

    /// The sum; `None` past `usize::MAX`.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference; `None` below zero.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }
}

/// With the unit that reads best: `64 KiB`, `4097 B`.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
        let (mut count, mut unit) = (self.0, 0);
        while count != 0 && count % 1024 == 0 && unit + 1 < UNITS.len() {
            count /= 1024;
            unit += 1;
        }
        write!(f, "{count} {}", UNITS[unit])
    }
}

/// A number of pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct PageCount(usize);

impl PageCount {
    /// `count` pages.
    pub const fn new(count: usize) -> Self {
        Self(count)
    }

    /// The fewest pages of `page_size` bytes that hold `size`.
    ///
    /// # Panics
    ///
    /// If `page_size` is zero.
    pub const fn holding(size: Bytes, page_size: Bytes) -> Self {
        Self(size.0.div_ceil(page_size.0))
    }

    /// The number.
    #[inline]
    pub const fn get(self) -> usize {
        self.0
    }

    /// Their size; `None` past `usize::MAX`.
    pub const fn bytes(self, page_size: Bytes) -> Option<Bytes> {
        match self.0.checked_mul(page_size.0) {
            Some(bytes) => Some(Bytes(bytes)),
            None => None,
        }
    }
}

/// An address, without the right to touch what lies there. Never null.
///
/// ```
/// use core::ptr::NonNull;
/// use stratalloc_core::{Addr, Alignment, Bytes};
///
/// let mut block = [0_u64; 8];
/// let start = NonNull::from(&mut block).cast::<u8>();
/// let word = Addr::of(start).checked_add(Bytes::new(11)).unwrap();
/// let word = word.align_down(Alignment::of::<u64>()).unwrap();
/// assert_eq!(word.offset_from(Addr::of(start)), Some(Bytes::new(8)));
/// assert_eq!(word.pointer_in(start), unsafe { start.add(8) });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Addr(NonZero<usize>);

impl Addr {
    /// The address of `pointer`.
    #[inline]
    pub fn of(pointer: NonNull<u8>) -> Self {
        Self(pointer.addr())
    }

    /// The address with this number; `None` for null.
    pub const fn new(address: usize) -> Option<Self> {
        match NonZero::new(address) {
            Some(address) => Some(Self(address)),
            None => None,
        }
    }

    /// The number.
    #[inline]
    pub const fn get(self) -> usize {
        self.0.get()
    }

    /// Whether it is a multiple of `alignment`.
    #[inline]
    pub const fn is_aligned(self, alignment: Alignment) -> bool {
        alignment.divides(self.get())
    }

    /// The nearest aligned address at or below; `None` if that is null.
    #[inline]
    pub const fn align_down(self, alignment: Alignment) -> Option<Self> {
        Self::new(alignment.down(self.get()))
    }

    /// The nearest aligned address at or above; `None` past the end of the address space.
    #[inline]
    pub const fn align_up(self, alignment: Alignment) -> Option<Self> {
        match alignment.up(self.get()) {
            Some(address) => Self::new(address),
            None => None,
        }
    }

    /// The address `offset` further; `None` past the end of the address space.
    #[inline]
    pub const fn checked_add(self, offset: Bytes) -> Option<Self> {
        match self.0.checked_add(offset.0) {
            Some(address) => Some(Self(address)),
            None => None,
        }
    }

    /// How far it lies behind `base`; `None` if it lies before it.
    #[inline]
    pub const fn offset_from(self, base: Self) -> Option<Bytes> {
        Bytes(self.get()).checked_sub(Bytes(base.get()))
    }

    /// The pointer to this address with the provenance of `owner`.
    #[inline]
    pub fn pointer_in(self, owner: NonNull<u8>) -> NonNull<u8> {
        owner.with_addr(self.0)
    }
}

impl fmt::Debug for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Addr({:#x})", self.get())
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use quickcheck::quickcheck;

    use super::*;

    quickcheck! {
        fn rounding_agrees_with_division(value: usize, shift: u8) -> bool {
            let alignment = Alignment::new(1 << (u32::from(shift) % usize::BITS)).unwrap();
            let (unit, wide) = (alignment.get() as u128, value as u128);
            let up = usize::try_from(wide.div_ceil(unit) * unit).ok();
            alignment.up(value) == up
                && alignment.down(value) as u128 == wide / unit * unit
                && alignment.divides(value) == (wide % unit == 0)
                && 1 << alignment.log2() == alignment.get()
        }
    }

    #[test]
    fn only_powers_of_two_are_alignments() {
        let valid = (0..=4096).filter(|&bytes| Alignment::new(bytes).is_some());
        assert!(valid.eq((0..=12).map(|shift| 1 << shift)));
    }

    #[test]
    fn the_ends_of_the_address_space_are_refused() {
        let page = Alignment::new(4096).unwrap();
        let (first, last) = (Addr::new(1).unwrap(), Addr::new(usize::MAX).unwrap());
        assert_eq!(Addr::new(0), None);
        assert_eq!(first.align_down(page), None);
        assert_eq!(last.align_up(page), None);
        assert_eq!(last.checked_add(Bytes::new(1)), None);
        assert_eq!(first.offset_from(last), None);
        assert_eq!(last.offset_from(first), Some(Bytes::new(usize::MAX - 1)));
    }

    #[test]
    fn pages_round_up_and_do_not_overflow() {
        let page = Bytes::new(4096);
        let pages = |bytes| PageCount::holding(Bytes::new(bytes), page).get();
        assert_eq!([0, 1, 4096, 4097].map(pages), [0, 1, 1, 2]);
        assert_eq!(PageCount::new(usize::MAX).bytes(page), None);
    }

    #[test]
    fn bytes_read_well() {
        let text = |bytes| format!("{}", Bytes::new(bytes));
        assert_eq!(text(0), "0 B");
        assert_eq!(text(4097), "4097 B");
        assert_eq!(text(64 << 10), "64 KiB");
        assert_eq!(text(64 << 30), "64 GiB");
    }
}
