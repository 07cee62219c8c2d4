//! The heap of a program in WebAssembly, which stands on its memory.

use core::{alloc::Layout, ptr::NonNull};

use stratalloc_core::{AllocError, Allocator};
use stratalloc_heap::HeaderHeap;
use stratalloc_pages::os;

use crate::Kind;

pub(crate) const KIND: Kind = Kind::Heap;

/// The heap of the program.
static HEAP: Shared = Shared::new(HeaderHeap::new(Growing));

/// What the memory gains at its end, in whole pages: the heap gives nothing back.
pub(super) struct Growing;

// SAFETY: a block is memory that was just grown, and begins at a page, which is aligned to all that the heap asks for.
unsafe impl Allocator for Growing {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let last = os::page_size() - 1;
        if layout.align() > os::page_size() {
            return Err(AllocError);
        }
        // A layout's size is at most `isize::MAX`.
        let size = (layout.size() + last) & !last;
        let start = os::grow(size).map_err(|_| AllocError)?;
        Ok(NonNull::slice_from_raw_parts(start, size))
    }

    unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
}

/// Acts on the heap while nobody else can.
#[inline(always)]
pub(super) fn with<T>(act: impl FnOnce(&HeaderHeap<Growing>) -> T) -> T {
    HEAP.with(act)
}

#[cfg(not(target_feature = "atomics"))]
use alone::Shared;
#[cfg(target_feature = "atomics")]
use locked::Shared;

/// A program without shared memory has one thread.
#[cfg(not(target_feature = "atomics"))]
mod alone {
    use super::{Growing, HeaderHeap};

    pub(super) struct Shared(HeaderHeap<Growing>);

    // SAFETY: there is no other thread to share it with. The heap and its base call nothing that could come back.
    unsafe impl Sync for Shared {}

    impl Shared {
        pub(super) const fn new(heap: HeaderHeap<Growing>) -> Self {
            Self(heap)
        }

        #[inline(always)]
        pub(super) fn with<T>(&self, act: impl FnOnce(&HeaderHeap<Growing>) -> T) -> T {
            act(&self.0)
        }
    }
}

/// Several threads share the heap by a lock.
#[cfg(target_feature = "atomics")]
mod locked {
    use stratalloc_pages::lock::{Lock, Mark};

    use super::{Growing, HeaderHeap};

    pub(super) struct Shared(Lock<HeaderHeap<Growing>>);

    impl Shared {
        pub(super) const fn new(heap: HeaderHeap<Growing>) -> Self {
            Self(Lock::new(heap))
        }

        #[inline(always)]
        pub(super) fn with<T>(&self, act: impl FnOnce(&HeaderHeap<Growing>) -> T) -> T {
            // Marks tell the threads of a fork apart, and there are no forks.
            act(&self.0.lock(Mark::new(0)))
        }
    }
}
