//! Allocating while samples are taken.

use crate::{
    cache::watch::Watch,
    heap::{
        Heap,
        large::{PAGE, differ_in_pages},
    },
    plan::bins::Bin,
    process::{arena_heaps, frees::see_to, samples, thread, watching, whose::Kind},
    sys::trace,
};

/// Has allocations sampled, or no more at zero; returns whether there was memory for it.
pub(crate) fn set_interval(interval: usize) -> bool {
    if interval != 0 {
        thread::watch_forks();
        trace::prepare();
        if samples::heap().is_none() && !make_heap() {
            return false;
        }
    }
    samples::set_interval(interval);
    true
}

/// Makes the heap for samples, unless another thread does meanwhile.
fn make_heap() -> bool {
    let Some(home) = arena_heaps::create() else { return false };
    // SAFETY: `create` made the home for this thread alone, and it stays until it is ended.
    let made = unsafe { &raw mut (*home.as_ptr()).heap };
    if !samples::set_heap(made) {
        // SAFETY: the home is from `create`, and nothing uses it from now on.
        unsafe { arena_heaps::end(home) };
    }
    true
}

/// A block of a bin whose stack is empty, for a thread that is watched: sampled if that is due; null if memory is
/// out.
#[cold]
#[inline(never)]
pub(crate) fn allocate_small(watch: &'static Watch, bin: Bin) -> *mut u8 {
    let cache = watch.cache();
    let block = cache.pop(bin);
    if !block.is_null() {
        return block;
    }
    let sampled = if watch.is_due(bin) { samples::heap() } else { None };
    if let Some(heap) = sampled {
        let block = heap.allocate_alone(cache.mark(), bin);
        if !block.is_null() {
            samples::note(watch, block, bin.shape().block_size as usize);
            return block;
        }
    }
    let (block, visit) = watch.refill(cache.mark(), bin);
    see_to(cache, visit);
    block
}

/// A block of a bin comes from the heap of the tag that the calling thread is in: it is sampled there if that is due.
#[inline]
pub(crate) fn tagged(bin: Bin, block: *mut u8) {
    if samples::interval() == 0 {
        return;
    }
    if let Some(watch) = of_thread().filter(|watch| watch.is_due_in_tag(bin)) {
        samples::note(watch, block, bin.shape().block_size as usize);
    }
}

/// The heap for a large block of `size` bytes that is to be sampled; `None` if it isn't.
#[inline]
pub(crate) fn heap_if_due(size: usize) -> Option<&'static Heap> {
    if samples::interval() == 0 { None } else { heap_if_watched(size) }
}

#[cold]
fn heap_if_watched(size: usize) -> Option<&'static Heap> {
    let watch = of_thread()?;
    if watch.is_large_due(size.checked_next_multiple_of(PAGE)?) { samples::heap() } else { None }
}

/// Notes a large block that was allocated for being sampled.
#[cold]
pub(crate) fn note_large(block: *mut u8) {
    if let Some(watch) = of_thread() {
        // SAFETY: the block was just allocated.
        samples::note(watch, block, unsafe { Kind::in_use(block) }.size(block));
    }
}

/// Whether a large block must be moved to have `size` bytes, since it would be sampled anew: that takes another
/// address, unless it is among samples already.
#[inline]
pub(crate) fn must_move(kind: &Kind, old: usize, size: usize) -> bool {
    samples::interval() != 0
        && kind.heap_if_resized(old, size).is_some_and(|heap| !samples::lie_in(heap))
}

/// A block was given another size where it stands, which is an allocation and a free: where samples lie, and
/// where huge blocks do.
#[inline]
pub(crate) fn resized(kind: &Kind, block: *mut u8, old: usize, size: usize) {
    let may_be_one = match *kind {
        Kind::Large { heap } => samples::lie_in(heap),
        Kind::Huge { .. } => true,
        _ => false,
    };
    if may_be_one && differ_in_pages(old, size) {
        samples::forget_huge(block);
        if heap_if_due(size).is_some() {
            note_large(block);
        }
    }
}

/// What counts for the calling thread; `None` where nothing does, and can't.
fn of_thread() -> Option<&'static Watch> {
    watching::current(thread::attached()?).watch()
}
