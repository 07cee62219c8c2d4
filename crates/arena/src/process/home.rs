//! Homes: the cache and the heap at the start of an area.

use core::{num::NonZero, ptr::NonNull, sync::atomic::Ordering};

use crate::{
    books::{
        owner::Owner,
        reference::AreaRef,
        windows::{self, For},
    },
    cache::{Cache, Stacks},
    heap::Heap,
    plan::geometry::{AREA_SIZE, HOME_LIMIT},
    policy::keep,
    sys::spares,
    thresholds::MAX_HOMES,
};

/// A cache and a heap at the start of the heap's first area. All zero is a home that was never used.
///
/// An address lies in the area exactly if it agrees with the cache's own in all but the low 36 bits.
#[repr(C)]
pub(crate) struct Home {
    pub(crate) cache: Cache,
    pub(crate) heap: Heap,
    stacks: Stacks,
}

const _: () = assert!(size_of::<Home>() <= HOME_LIMIT);

impl Home {
    /// Creates a home for a thread, which stays as long as the process; `None` if there are as many as there may be, or
    /// memory is out.
    pub(crate) fn of_thread() -> Option<&'static Self> {
        let may = keep::HOMES.fetch_add(1, Ordering::Relaxed) < MAX_HOMES;
        if may {
            if let Some(owner) = windows::new_home(For::Thread, prepare) {
                let home = Self::around(owner);
                spares::make(home.cast());
                // SAFETY: [WINDOWS-1: stay] its heap is announced as a thread's, so that it stays.
                return Some(unsafe { home.as_ref() });
            }
        }
        keep::HOMES.fetch_sub(1, Ordering::Relaxed);
        None
    }

    /// Creates a home for an arena heap.
    pub(crate) fn of_value() -> Option<NonNull<Self>> {
        windows::new_home(For::Value, prepare).map(Self::around)
    }

    /// The home that a heap stands in.
    pub(crate) fn around(owner: Owner) -> NonNull<Self> {
        let heap = owner.heap::<u8>();
        heap.map_addr(|_| NonZero::new(owner.addr() & !(AREA_SIZE - 1)).unwrap_or(heap.addr()))
            .cast()
    }

    /// Opens the cache, empty, for the thread that is at home from now on.
    pub(crate) fn open(&'static self) -> &'static Cache {
        self.cache.open(&self.heap, &self.stacks);
        &self.cache
    }
}

/// Makes the home at the start of a new area ready.
fn prepare(start: NonNull<u8>, area: AreaRef) -> Owner {
    // SAFETY: the area is new, and its first bytes are zero: a home that nobody else knows of.
    let home = unsafe { start.cast::<Home>().as_mut() };
    home.cache.move_in();
    home.heap.open(area)
}

#[cfg(test)]
mod tests {
    use memoffset::span_of;

    use super::*;
    use crate::{
        books::area::Area,
        plan::{
            bins::{Bin, bin_for},
            geometry::LINE,
        },
    };

    #[test]
    fn a_slab_waits_for_the_next_thread_until_memory_goes_back() {
        let home = Home::of_thread().unwrap();
        let (cache, bin) = (home.open(), bin_for(100, 8).unwrap());
        let (block, _visit) = cache.refill(cache.mark(), bin);
        // SAFETY: the block is this test's, and lies in an area that stays.
        unsafe {
            assert!(cache.push(bin, block));
            let _visit = cache.retire(cache.mark());
            assert_eq!(Area::bin_of(block), bin);
            home.heap.pools(cache.mark()).purge_to(0);
            assert_eq!(Area::bin_of(block), Bin::NONE);
        }
    }

    #[test]
    fn what_other_threads_write_to_is_on_no_line_of_the_cache() {
        assert_eq!(span_of!(Home, cache).start, 0, "an address is compared with the cache's own");
        let (cache, heap) = (span_of!(Home, cache), span_of!(Home, heap));
        assert!((cache.end - 1) / LINE < heap.start / LINE);
        assert!((heap.end - 1) / LINE < span_of!(Home, stacks).start / LINE);
    }
}
