//! Allocation on the slow paths: small blocks by way of the thread's heap, large and huge ones.

use core::ptr::{NonNull, null_mut};

use crate::{
    books::{guard, keys, zero_sized},
    cache::slot,
    face::global::{large::place_large, tagged},
    heap::large::{Outlook, Request},
    plan::bins::Bin,
    process::{
        frees::see_to,
        quarantine,
        relief::{self, with_relief},
        sampling, tags, thread, watching,
        whose::bin_of_thread,
    },
    sys::{mark, probe::probe},
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
    let mut block = cache.pop(bin);
    if block.is_null() {
        let (taken, visit) = cache.refill(cache.mark(), bin);
        see_to(cache, visit);
        block = taken;
    }
    // SAFETY: just allocated in a slab of the bin, or null.
    unsafe { keys::clear(bin, block) };
    block
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
