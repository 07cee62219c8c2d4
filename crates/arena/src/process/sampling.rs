//! Allocating while blocks are taken aside: as samples, and to be fenced.

use core::ptr::null_mut;

use crate::{
    books::fenced,
    cache::watch::{Due, Watch},
    heap::{
        Heap,
        large::{PAGE, differ_in_pages},
    },
    plan::bins::Bin,
    process::{arena_heaps, frees::see_to, samples, segfaults, thread, watching, whose::Kind},
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
    samples::set_rates(|rates| rates.with_interval(interval));
    true
}

/// Has one block in so many fenced on average, of which so many may be live or wait, or no more at zero; nor where there is no
/// memory for it.
pub(crate) fn set_fences(one_in: usize, blocks: usize) {
    if one_in != 0 {
        thread::watch_forks();
        trace::prepare();
        if !fenced::prepare(blocks) {
            return;
        }
        segfaults::watch();
    }
    samples::set_rates(|rates| rates.with_fence_one_in(one_in));
    // The calling thread joins at once, others when a stack of theirs has to be filled.
    if let Some(cache) = thread::attached() {
        watching::current(cache);
    }
}

/// Whether blocks are fenced.
pub(crate) fn are_fencing() -> bool {
    samples::rates().fence_one_in() != 0
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

/// A block of a bin whose stack is empty, for a thread that is watched: taken aside if that is due; null if memory is out.
#[cold]
#[inline(never)]
pub(crate) fn allocate_small(
    watch: &'static Watch,
    bin: Bin,
    size: usize,
    align: usize,
) -> *mut u8 {
    let cache = watch.cache();
    let block = cache.pop(bin);
    if !block.is_null() {
        return block;
    }
    let due = watch.next(bin);
    let block = aside(watch, due, bin, size, align);
    if !block.is_null() {
        if due.sample {
            samples::note(watch, block, bin.shape().block_size as usize);
        }
        return block;
    }
    let (block, visit) = watch.refill(cache.mark(), bin);
    see_to(cache, visit);
    block
}

/// A block that is fenced or sampled, as is due; null if it is neither, or there is no place for it.
fn aside(watch: &'static Watch, due: Due, bin: Bin, size: usize, align: usize) -> *mut u8 {
    let fenced = if due.fence {
        watch.while_busy(|| fenced::allocate(size, align, watch.random()))
    } else {
        null_mut()
    };
    if !fenced.is_null() || !due.sample {
        return fenced;
    }
    samples::heap().map_or(null_mut(), |heap| heap.allocate_alone(watch.cache().mark(), bin))
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

/// Notes a large block that was allocated for being sampled. Its pages count, by which it was due: between guards, its usable
/// bytes may be fewer.
#[cold]
pub(crate) fn note_large(block: *mut u8) {
    if let Some(watch) = of_thread() {
        // SAFETY: the block was just allocated.
        let usable = unsafe { Kind::in_use(block) }.size(block);
        samples::note(watch, block, usable.next_multiple_of(PAGE));
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
        samples::forget_elsewhere(block);
        if heap_if_due(size).is_some() {
            note_large(block);
        }
    }
}

/// What counts for the calling thread; `None` where nothing does, and can't.
fn of_thread() -> Option<&'static Watch> {
    watching::current(thread::attached()?).watch()
}
