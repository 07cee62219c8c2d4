//! What kind of block an address is, from the address alone.

use core::ptr::NonNull;

use crate::{
    books::{
        area::Area,
        guard,
        owner::Owner,
        report,
        slab::BadFree,
        windows::{self, Window},
    },
    cache::slot,
    heap::{Heap, large::LargeBlock},
    plan::{
        bins::Bin,
        geometry::{AREA_SIZE, SegmentPlace},
    },
};

/// Whose a block is, and what serves it: what has to be done with it.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// None: the null pointer.
    Null,
    /// Small, of a thread's heap.
    Small {
        heap: &'static Heap,
        bin: Bin,
    },
    /// Small, of an arena heap: freed at once, since the heap may end.
    OfValue {
        heap: &'static Heap,
        bin: Bin,
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
    /// The process ends with a report if it is none of ours, where the address tells. O(1): two loads.
    ///
    /// # Safety
    ///
    /// If the address lies in an arena heap's area, a block of that heap is live there: else the area
    /// may end meanwhile.
    #[inline]
    pub(crate) unsafe fn of(address: *mut u8) -> Self {
        match windows::lookup(address) {
            // SAFETY: a heap of threads that its window announces, and these stay.
            Window::Thread(owner) => match unsafe { in_area(owner, address) } {
                (heap, Bin::NONE) => Self::large(heap, address),
                (heap, bin) => Self::Small { heap, bin },
            },
            // SAFETY: the window announces the area; by the caller's promise it stays.
            Window::Value(owner) => match unsafe { in_area(owner, address) } {
                (heap, Bin::NONE) => Self::large(heap, address),
                (heap, bin) => Self::OfValue { heap, bin },
            },
            window => Self::elsewhere(window, address),
        }
    }

    fn large(heap: &'static Heap, address: *mut u8) -> Self {
        if SegmentPlace::of_offset(address.addr() % AREA_SIZE).is_none() {
            report::foreign(address);
        }
        Self::Large { heap }
    }

    #[cold]
    fn elsewhere(window: Window, address: *mut u8) -> Self {
        match (window, NonNull::new(address)) {
            (_, None) => Self::Null,
            (Window::Huge(size), Some(start)) if start.addr().get() % AREA_SIZE == 0 => {
                Self::Huge { start, size }
            }
            _ => report::foreign(address),
        }
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
            Self::Small { bin, .. } | Self::OfValue { bin, .. } => bin.shape().block_size as usize,
            Self::Large { heap } => large_size(heap, address),
            Self::Huge { size, .. } => size,
            Self::Null => 0,
        }
    }
}

fn large_size(heap: &Heap, block: *mut u8) -> usize {
    let mut pools = heap.pools(slot::mark());
    // SAFETY: the kind was told by the window, which announces an area of this heap.
    unsafe { LargeBlock::at(&mut pools, block) }.size(&mut pools)
}

/// The bin of an address in a slab of a thread's heap.
pub(crate) fn bin_of_thread(address: *mut u8) -> Option<Bin> {
    let owner = windows::thread_owner(address)?;
    // SAFETY: a heap of threads that its window announces, and these stay.
    let (_, bin) = unsafe { in_area(owner, address) };
    (bin != Bin::NONE).then_some(bin)
}

/// The heap of an address in an area, and its bin.
///
/// # Safety
///
/// The area's window announces this owner, and neither ends meanwhile.
#[inline(always)]
unsafe fn in_area(owner: Owner, address: *mut u8) -> (&'static Heap, Bin) {
    // SAFETY: the caller's promise.
    unsafe { (Heap::of(owner), Area::bin_of(address)) }
}

/// Ends the process with a report if no block starts there. Without looking at the books: whether one
/// is in use shows when they are.
#[inline]
pub(crate) fn check_start(bin: Bin, block: *mut u8) {
    if !bin.shape().is_start(block) {
        report::bad_free(bin, BadFree::NotABlock(block));
    }
}
