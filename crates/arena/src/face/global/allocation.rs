//! Allocation on the slow paths: small blocks by way of the thread's heap, large and huge ones.

use core::ptr::{NonNull, null_mut};

use crate::{
    books::{guard, zero_sized},
    cache::slot,
    face::global::tagged,
    heap::{
        Heap, huge,
        large::{MAX_IN_ARENAS, Outlook, Request},
    },
    plan::{
        bins::Bin,
        geometry::{AREA_SIZE, Partition},
    },
    process::{
        frees::see_to,
        quarantine,
        relief::{self, with_relief},
        sampling, tags, thread, watching,
        whose::bin_of_thread,
    },
    sys::{lock::Mark, mark, probe::probe},
};

#[cold]
#[inline(never)]
pub(super) fn allocate_slow(size: usize, align: usize) -> *mut u8 {
    probe!("allocate_slow", size, align);
    if guard::ON && size == 0 {
        if let Some(block) = zero_sized::allocate(align) {
            return block.as_ptr();
        }
    }
    let size = size.max(1);
    if let Some(tag) = tags::of_thread() {
        return tagged::allocate(tag, Request { size, align, outlook: Outlook::Plain });
    }
    let Some(bin) = guard::bin_for(size, align) else {
        return allocate_large(size, align, Outlook::Plain);
    };
    let block = with_relief(size, || NonNull::new(allocate_small(bin, size, align)));
    let block = block.map_or_else(|| relief::from_others(bin), NonNull::as_ptr);
    // A sampled block is the samples' heap's, and a fenced one no heap's.
    if !guard::KNOWS_HELD || bin_of_thread(block).is_none() {
        return block;
    }
    if guard::PARANOID {
        quarantine::note(slot::cache().own(), bin, block);
    }
    guard::hand_out(bin, block, size)
}

fn allocate_small(bin: Bin, size: usize, align: usize) -> *mut u8 {
    let Some(cache) = thread::attached() else {
        let Some(heap) = thread::any_heap() else { return null_mut() };
        return heap.allocate_alone(mark::of_thread(), bin);
    };
    let cache = watching::current(cache);
    if let Some(watch) = cache.watch() {
        return sampling::allocate_small(watch, bin, size, align);
    }
    let block = cache.pop(bin);
    if !block.is_null() {
        return block;
    }
    let (block, visit) = cache.refill(cache.mark(), bin);
    see_to(cache, visit);
    block
}

/// The heap from which the calling thread allocates large blocks, and its mark.
fn caller() -> Option<(&'static Heap, Mark)> {
    match thread::attached() {
        Some(cache) => Some((cache.heap()?, cache.mark())),
        None => Some((thread::any_heap()?, mark::of_thread())),
    }
}

#[cold]
#[inline(never)]
pub(super) fn allocate_large(size: usize, align: usize, outlook: Outlook) -> *mut u8 {
    let request = Request { size, align, outlook };
    if let Some(tag) = tags::of_thread() {
        return tagged::allocate(tag, request);
    }
    if let Some(heap) = sampling::heap_if_due(size) {
        if let Some(sample) = with_relief(size, || place_large(request, Some(heap))) {
            sampling::note_large(sample);
            return sample;
        }
    }
    with_relief(size, || place_large(request, None)).unwrap_or(null_mut())
}

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
        unsafe { crate::sys::zero(fresh.start, fresh.stale.min(size)) };
    }
    Some(fresh.start)
}
