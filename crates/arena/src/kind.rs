//! What kind of block an address is, from the address alone.

use core::ptr::NonNull;

use crate::{
    area::Area,
    bins::{NO_BIN, SHAPES},
    geometry::{AREA_SIZE, SegmentPlace},
    guard,
    heap::Heap,
    large::LargeBlock,
    registry::{self, Window},
    report,
    segment::BadFree,
    slot, thread,
};

/// A block, by what has to be done with it.
pub(crate) enum Kind {
    Small {
        heap: &'static Heap,
        bin: usize,
    },
    /// Small, of an arena heap: freed at once, since the heap may end.
    OfValue {
        heap: &'static Heap,
        bin: usize,
    },
    Large {
        heap: &'static Heap,
    },
    Huge {
        start: NonNull<u8>,
        size: usize,
    },
}

impl Kind {
    /// The process ends with a report if it is none of ours, where the address tells.
    ///
    /// # Safety
    ///
    /// If the address lies in an arena heap's area, a block of that heap is live there: else the area
    /// may end meanwhile.
    #[inline]
    pub(crate) unsafe fn of(address: *mut u8) -> Self {
        match registry::lookup(address) {
            // SAFETY: the registry announces the area, and threads' areas stay.
            Window::Area(area) => match unsafe { Self::in_area(area, address) } {
                (heap, Some(bin)) => Self::Small { heap, bin },
                (heap, None) => Self::Large { heap },
            },
            // SAFETY: the registry announces the area; by the caller's promise it stays.
            Window::Value(area) => match unsafe { Self::in_area(area, address) } {
                (heap, Some(bin)) => Self::OfValue { heap, bin },
                (heap, None) => Self::Large { heap },
            },
            Window::Huge(size) if address.addr().is_multiple_of(AREA_SIZE) => {
                // SAFETY: the registry announces a block there, which isn't at address 0.
                Self::Huge { start: unsafe { NonNull::new_unchecked(address) }, size }
            }
            _ => report::foreign(address),
        }
    }

    /// The heap and the bin, if it has one, of an address in an area.
    ///
    /// # Safety
    ///
    /// The registry announces the area, and it stays.
    #[inline]
    unsafe fn in_area(area: *mut Area, address: *mut u8) -> (&'static Heap, Option<usize>) {
        // SAFETY: the caller's promise.
        let found = unsafe { small_in(area, address) };
        if let Some((heap, bin)) = found {
            return (heap, Some(bin));
        }
        if SegmentPlace::of_offset(address.addr() & (AREA_SIZE - 1)).is_none() {
            report::foreign(address);
        }
        // SAFETY: as above.
        (unsafe { Area::owner(area) }, None)
    }

    /// As [`Kind::of`], for a block that isn't about to be freed: that the calling thread freed it
    /// last is noticed.
    ///
    /// # Safety
    ///
    /// As for [`Kind::of`].
    #[inline]
    pub(crate) unsafe fn in_use(address: *mut u8) -> Self {
        // SAFETY: the caller's promise.
        let kind = unsafe { Self::of(address) };
        if let Self::Small { bin, .. } = kind {
            if guard::ON {
                guard::check_held(bin, address);
            }
            check_start(bin, address);
            if slot::cache().newest(bin) == address {
                report::bad_free(bin, BadFree::Twice(address));
            }
        }
        kind
    }

    /// Its usable bytes; `address` is its own.
    #[inline]
    pub(crate) fn size(&self, address: *mut u8) -> usize {
        match *self {
            Self::Small { bin, .. } if guard::ON => guard::size(bin, address),
            Self::Small { bin, .. } | Self::OfValue { bin, .. } => SHAPES[bin].block_size as usize,
            Self::Large { heap } => large_size(heap, address),
            Self::Huge { size, .. } => size,
        }
    }
}

fn large_size(heap: &Heap, block: *mut u8) -> usize {
    let mut pools = heap.pools(thread::mark());
    LargeBlock::at(&mut pools, block).size(&mut pools)
}

/// The heap and the bin of an address in a slab of a thread's heap.
#[inline(always)]
pub(crate) fn small_of_thread(address: *mut u8) -> Option<(&'static Heap, usize)> {
    let area = registry::area_of_thread(address)?;
    // SAFETY: the registry announces the area, and threads' areas stay.
    unsafe { small_in(area, address) }
}

/// The heap and the bin of an address in a slab.
///
/// # Safety
///
/// `area` is an area that the registry announces.
#[inline(always)]
unsafe fn small_in(area: *mut Area, address: *mut u8) -> Option<(&'static Heap, usize)> {
    // SAFETY: the caller's promise.
    let (heap, bin) = unsafe { (Area::owner(area), (*area).cache().bin_of::<1>(address)) };
    bin.filter(|&bin| bin != NO_BIN).map(|bin| (heap, bin))
}

/// Ends the process with a report if no block starts there. Without looking at the books: whether one
/// is in use shows when they are.
#[inline]
pub(crate) fn check_start(bin: usize, block: *mut u8) {
    if !SHAPES[bin].is_start(block) {
        report::bad_free(bin, BadFree::NotABlock(block));
    }
}
