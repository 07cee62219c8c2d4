//! The arena heaps: which there are, and which are kept for the next that is asked for.
//!
//! Unlike the heaps of threads they end, and their address space goes back. Who walks over them holds
//! this module's lock, and whoever ends one withdraws it under that lock first: what
//! is found stays there while it is looked at. A heap's own lock may be taken under this one, not the
//! other way round.

use core::ptr::NonNull;

use crate::{
    books::{reference::AreaRef, windows},
    cache::slot,
    heap::{Heap, pools::Pools},
    policy::keep,
    process::{heaps, home::Home},
    sys::lock::{Lock, LockGuard, Mark},
    thresholds::{MAX_KEPT, MAX_VALUES},
};

/// How many arena heaps there are.
pub(crate) struct Values {
    in_use: usize,
    kept: usize,
}

static VALUES: Lock<Values> = Lock::new(Values { in_use: 0, kept: 0 });

/// The lock, for a fork, and for who won't wait for it.
pub(crate) fn lock() -> &'static Lock<Values> {
    &VALUES
}

/// The home of a new arena heap; `None` if there are as many as there may be, or memory is out.
///
/// The caller sees to it that forks are watched.
pub(crate) fn create() -> Option<NonNull<Home>> {
    let mark = slot::mark();
    let mut values = VALUES.lock(mark);
    if values.in_use == MAX_VALUES {
        return None;
    }
    let kept = if values.kept > 0 { windows::take_kept() } else { None };
    if let Some(owner) = kept {
        values.kept -= 1;
        // SAFETY: the heap is nobody's but the caller's to be, and announced.
        unsafe { Heap::of(owner) }.wake(mark);
    }
    // Under the lock, so that no fork copies an area while it is announced.
    let home = kept.map(Home::around).or_else(Home::of_value)?;
    values.in_use += 1;
    Some(home)
}

/// Ends an arena heap: frees all its blocks, and keeps it for the next, or gives all of it back.
///
/// # Safety
///
/// `home` is from [`create`], and the caller doesn't touch it any more.
pub(crate) unsafe fn end(home: NonNull<Home>) {
    let mark = slot::mark();
    // SAFETY: the window announces the home until this function withdraws it.
    let heap = unsafe { &(*home.as_ptr()).heap };
    // No batches come back: blocks of arena heaps are in none.
    if heap.rest(mark, Pools::reset).excess {
        relieve_others(mark);
    }
    let mut values = VALUES.lock(mark);
    values.in_use -= 1;
    if values.kept < MAX_KEPT && heap.areas(mark) == 1 {
        values.kept += 1;
        windows::keep(heap.owner());
    } else {
        release(values, heap);
    }
}

/// Gives the memory of every arena heap back that serves nothing, and those kept altogether; returns how
/// many bytes that were at most.
pub(crate) fn trim(mark: Mark) -> usize {
    let mut values = VALUES.lock(mark);
    // SAFETY: under the lock.
    let given = unsafe { heaps::of_values() }.map(|heap| heap.trim(mark).0).sum();
    while let Some(owner) = windows::take_kept() {
        values.kept -= 1;
        // SAFETY: a kept heap is nobody's, and announced.
        release(values, unsafe { Heap::of(owner) });
        values = VALUES.lock(mark);
    }
    given
}

/// Acts on every heap of the process: those of threads, then arena heaps unless somebody else is at these.
pub(crate) fn try_each_heap(mark: Mark, mut act: impl FnMut(&Heap)) {
    heaps::of_threads(0).for_each(&mut act);
    if let Some(_values) = VALUES.try_lock(mark) {
        // SAFETY: under the lock.
        unsafe { heaps::of_values() }.for_each(act);
    }
}

/// Gives memory of heaps back that nobody works on just now, where the process has too much that serves nothing.
pub(crate) fn relieve_others(mark: Mark) {
    try_each_heap(mark, |heap| heap.try_purge_excess(mark));
    keep::asked_all();
}

/// Acts on every heap of the process, those of threads first.
pub(crate) fn each_heap(mark: Mark, mut act: impl FnMut(&Heap)) {
    heaps::of_threads(0).for_each(&mut act);
    each(mark, act);
}

/// Does something with each arena heap.
pub(crate) fn each(mark: Mark, act: impl FnMut(&Heap)) {
    let _values = VALUES.lock(mark);
    // SAFETY: under the lock.
    unsafe { heaps::of_values() }.for_each(act);
}

/// Gives the address space of an arena heap back, none of whose blocks is live.
fn release(values: LockGuard<'_, Values>, heap: &Heap) {
    let areas = heap.pools(slot::mark()).give_up_areas();
    withdraw(&values, areas.clone());
    drop(values);
    // The heap itself stands in the last of them.
    for area in areas {
        // SAFETY: withdrawn under the lock, so that nobody but this function knows of it.
        unsafe { windows::release_area(area) };
    }
}

/// Lets nobody find the areas any more, while nobody walks over the arena heaps.
fn withdraw(_held: &Values, areas: impl Iterator<Item = AreaRef>) {
    areas.for_each(windows::withdraw);
}
