//! The kind and the owner of a block, found from its address alone.

use core::ptr::NonNull;

use crate::{
    books::{
        area::Area,
        fenced::{self, For},
        guard,
        owner::Owner,
        report,
        slab::BadFree,
        windows::{self, Window},
        zero_sized,
    },
    cache::slot,
    heap::{
        Heap,
        large::{LargeBlock, MAX_IN_ARENAS, differ_in_pages},
    },
    plan::{
        bins::Bin,
        geometry::{AREA_SIZE, SegmentPlace},
    },
    sys,
};

/// The kind of a block and the heap that owns it, which decide how it is freed.
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
    /// Of no bytes, in the hardened build.
    ZeroSized,
    /// Alone between guard pages.
    Fenced,
}

impl Kind {
    /// The kind of the block at an address. The process ends with a report if the address can't be a block of ours. O(1):
    /// two loads.
    ///
    /// # Safety
    ///
    /// If the address lies in an arena heap's area, a block of that heap is live there: else the area may end meanwhile.
    #[inline]
    pub(crate) unsafe fn of(address: *mut u8) -> Self {
        match windows::lookup(address) {
            // SAFETY: [WINDOWS-1: stay] the window announces an area of a thread's heap, and both stay.
            Window::Thread(owner) => match unsafe { in_area(owner, address) } {
                (heap, Bin::NONE) => Self::large(heap, address),
                (heap, bin) => Self::Small { heap, bin },
            },
            // SAFETY: [WINDOWS-1: stay] the window announces an area with an opened heap, which stays while a block of it
            // is live, as one is by this function's contract.
            Window::Value(owner) => match unsafe { in_area(owner, address) } {
                (heap, Bin::NONE) => Self::large(heap, address),
                (heap, bin) => Self::OfValue { heap, bin },
            },
            window => Self::elsewhere(window, address),
        }
    }

    /// The heap of a large block of `old` bytes, if it would get or give up pages of that heap to have `size` bytes.
    #[inline]
    pub(crate) fn heap_if_resized(&self, old: usize, size: usize) -> Option<&'static Heap> {
        let Self::Large { heap } = *self else { return None };
        (size <= MAX_IN_ARENAS && differ_in_pages(old, size)).then_some(heap)
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
            _ if zero_sized::contains(address) => Self::ZeroSized,
            _ if fenced::contains(address) => Self::Fenced,
            _ => report::foreign(address),
        }
    }

    /// As [`Kind::of`], for a block that isn't about to be freed. The process ends with a report if the calling thread
    /// freed it last.
    ///
    /// # Safety
    ///
    /// As for [`Kind::of`].
    #[inline]
    pub(crate) unsafe fn in_use(address: *mut u8) -> Self {
        // SAFETY: this function's contract is the same.
        let kind = unsafe { Self::of(address) };
        match kind {
            Self::Small { bin, heap } => {
                check_start(bin, address);
                if guard::KNOWS_HELD {
                    guard::check_held(bin, address);
                }
                let cache = slot::cache();
                // SAFETY: by its kind, and as was checked, a block of the bin starts there, in a slab of this heap.
                let is_free = unsafe {
                    cache.may_have(bin, address)
                        && (cache.holds(bin, address)
                            || !heap.pools(slot::mark()).is_out(address, bin))
                };
                if is_free {
                    report::bad_free(bin, BadFree::Twice(address));
                }
            }
            Self::ZeroSized => zero_sized::check_held(address),
            Self::Fenced => fenced::check_held(address, For::Use),
            _ => {}
        }
        kind
    }

    /// Ends the process with a report if a block that starts there wasn't allocated with this size, or couldn't be with
    /// it and this alignment: in the hardened build, which knows.
    pub(crate) fn check_size(&self, address: *mut u8, said: usize, align: usize) {
        let (size, served) = (self.size(address), said.max(1));
        let bin = guard::bin_for(served, align);
        let is_aligned =
            address.is_null() || align.is_power_of_two() && address.addr() % align == 0;
        let is_right = match *self {
            Self::Small { bin: own, .. } => size == served && bin == Some(own),
            Self::Large { .. } => size == served && bin.is_none(),
            Self::Huge { .. } => size == sys::round_to_pages(served),
            Self::ZeroSized => said == 0,
            Self::Fenced => size == served,
            Self::Null | Self::OfValue { .. } => true,
        };
        if !is_right || !is_aligned {
            report::wrong_size(address, size, said, align);
        }
    }

    /// Its usable bytes; `address` is its own.
    #[inline]
    pub(crate) fn size(&self, address: *mut u8) -> usize {
        match *self {
            Self::Small { bin, .. } if guard::ON => guard::size(bin, address),
            Self::Small { bin, .. } | Self::OfValue { bin, .. } => bin.shape().block_size as usize,
            Self::Large { heap } => large_size(heap, address),
            Self::Huge { size, .. } => size,
            Self::Fenced => fenced::size(address),
            Self::Null | Self::ZeroSized => 0,
        }
    }
}

fn large_size(heap: &Heap, block: *mut u8) -> usize {
    let mut pools = heap.pools(slot::mark());
    // SAFETY: the block's kind was found by its window, which announces an area of this heap.
    unsafe { LargeBlock::at(&mut pools, block) }.usable(&mut pools)
}

/// The bin of an address in a slab of a thread's heap.
pub(crate) fn bin_of_thread(address: *mut u8) -> Option<Bin> {
    let owner = windows::thread_owner(address)?;
    // SAFETY: [WINDOWS-1: stay] the window announces an area of a thread's heap, and both stay.
    let (_, bin) = unsafe { in_area(owner, address) };
    (bin != Bin::NONE).then_some(bin)
}

/// The heap of an address in an area, and its bin.
///
/// # Safety
///
/// The address's window announces this owner, and neither the area nor the heap ends meanwhile.
#[inline(always)]
unsafe fn in_area(owner: Owner, address: *mut u8) -> (&'static Heap, Bin) {
    // SAFETY: the window announces the area and its heap, and they stay, by this function's contract.
    unsafe { (Heap::of(owner), Area::bin_of(address)) }
}

/// Ends the process with a report if no block can start there. It doesn't look at the books, by which a block that isn't
/// in use is found later.
#[inline]
pub(crate) fn check_start(bin: Bin, block: *mut u8) {
    if !bin.shape_at(block).is_start(block) {
        report::bad_free(bin, BadFree::NotABlock(block));
    }
}
