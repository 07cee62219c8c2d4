//! Places for large and huge blocks, whoever they are for.

use core::ptr::NonNull;

use crate::{
    cache::slot,
    heap::{
        Heap, huge,
        large::{MAX_IN_ARENAS, Outlook, Request},
    },
    plan::geometry::{AREA_SIZE, Partition},
    process::thread,
    sys::{self, lock::Mark, mark},
};

/// Allocates a large or huge block; a large one in `heap`, if one is given. A sparse one is zero.
pub(super) fn place_large(request: Request, heap: Option<&'static Heap>) -> Option<*mut u8> {
    let Request { size, align, .. } = request;
    if size > MAX_IN_ARENAS || align > Partition::SPECIAL.arena_size() {
        let fits = align <= AREA_SIZE;
        return fits.then(|| huge::allocate(size)).flatten().map(NonNull::as_ptr);
    }
    let (heap, mark) = match heap {
        Some(heap) => (heap, slot::mark()),
        None => caller()?,
    };
    place_in(heap, mark, request)
}

/// Allocates a large block in a heap. A sparse one is zero.
pub(super) fn place_in(heap: &Heap, mark: Mark, request: Request) -> Option<*mut u8> {
    let Request { size, outlook, .. } = request;
    let fresh = heap.allocate_large(mark, request)?;
    if outlook == Outlook::Sparse {
        // SAFETY: the block holds `size` bytes, just allocated, in pages of its own.
        unsafe { sys::zero(fresh.start, fresh.stale.min(size)) };
    }
    Some(fresh.start)
}

/// The heap from which the calling thread allocates large blocks, and its mark.
fn caller() -> Option<(&'static Heap, Mark)> {
    match thread::attached() {
        Some(cache) => Some((cache.heap()?, cache.mark())),
        None => Some((thread::any_heap()?, mark::of_thread())),
    }
}
