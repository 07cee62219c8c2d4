//! The arena heaps: those in use, and those kept for the next that is asked for.
//!
//! Unlike the heaps of threads they end, and their address space goes back.
//! A walk over them holds this module's lock, and an arena heap is withdrawn under that lock before it ends: so a heap
//! that is found stays while it is looked at.
//! A heap's own lock may be taken under this one, not the other way round.

use core::ptr::NonNull;

use crate::{
    books::{
        reference::AreaRef,
        windows::{self, Window},
    },
    cache::slot,
    heap::{
        Heap,
        pools::Pools,
        tag::{TagBook, Tags},
    },
    policy::keep,
    process::{heaps, home::Home},
    sys::lock::{Lock, LockGuard, Mark},
    thresholds::{MAX_KEPT, MAX_VALUES},
};

/// The numbers of arena heaps.
///
/// # Invariants
///
/// - [VALUES-1: found] An arena heap is withdrawn from the table of windows under this lock, and only then ends. So every
///   one that is found while the lock is held stays until it is released.
pub(crate) struct Values {
    in_use: usize,
    kept: usize,
    tags: Tags,
}

static VALUES: Lock<Values> = Lock::new(Values { in_use: 0, kept: 0, tags: Tags::NONE });

/// The lock, for a fork, and for callers that don't wait for it.
pub(crate) fn lock() -> &'static Lock<Values> {
    &VALUES
}

/// The home of a new arena heap; `None` if there are as many as there may be, or memory is out.
///
/// The caller has made sure that forks are watched.
pub(crate) fn create() -> Option<NonNull<Home>> {
    let mark = slot::mark();
    let mut values = VALUES.lock(mark);
    if values.in_use == MAX_VALUES {
        return None;
    }
    let kept = if values.kept > 0 { windows::take_kept() } else { None };
    if let Some(owner) = kept {
        values.kept -= 1;
        // SAFETY: a kept heap was opened, and this thread alone has it now.
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
    // SAFETY: the home is from `create`, by this function's contract, and stays until this function withdraws it.
    let heap = unsafe { &(*home.as_ptr()).heap };
    // No batches come back: blocks of arena heaps are in none.
    let give_all = |pools: &mut Pools| {
        pools.reset();
        pools.forget_holder();
    };
    if heap.rest(mark, give_all).excess {
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

/// Does something with the tags.
pub(crate) fn with_tags<T>(act: impl FnOnce(&mut Tags) -> T) -> T {
    act(&mut VALUES.lock(slot::mark()).tags)
}

/// The tag in whose heap an address lies; `None` if it lies elsewhere.
pub(crate) fn tag_around(address: *mut u8) -> Option<&'static TagBook> {
    let _values = VALUES.lock(slot::mark());
    let Window::Value(owner) = windows::lookup(address) else { return None };
    // SAFETY: [VALUES-1: found] the window announces an arena heap while the lock is held, which it is.
    unsafe { Heap::of(owner) }.tag()
}

/// Gives back all memory of arena heaps that serves nothing, and releases the kept ones; returns the bytes given back,
/// at most.
pub(crate) fn trim(mark: Mark) -> usize {
    let mut values = VALUES.lock(mark);
    // SAFETY: the lock is held until all were trimmed.
    let given = unsafe { heaps::of_values() }.map(|heap| heap.trim(mark).0).sum();
    while let Some(owner) = windows::take_kept() {
        values.kept -= 1;
        // SAFETY: a kept heap was opened, and this thread alone has it now.
        release(values, unsafe { Heap::of(owner) });
        values = VALUES.lock(mark);
    }
    given
}

/// Calls `act` with every heap of the process: those of threads, then the arena heaps unless another thread has their
/// lock.
pub(crate) fn try_each_heap(mark: Mark, mut act: impl FnMut(&Heap)) {
    heaps::of_threads(0).for_each(&mut act);
    if let Some(_values) = VALUES.try_lock(mark) {
        // SAFETY: the lock is held while they are used.
        unsafe { heaps::of_values() }.for_each(act);
    }
}

/// Gives memory of heaps back that no thread works on just now, where the process keeps too much that serves nothing.
pub(crate) fn relieve_others(mark: Mark) {
    try_each_heap(mark, |heap| heap.try_purge_excess(mark));
    keep::asked_all();
}

/// Calls `act` with every heap of the process, those of threads first.
pub(crate) fn each_heap(mark: Mark, mut act: impl FnMut(&Heap)) {
    heaps::of_threads(0).for_each(&mut act);
    each(mark, act);
}

/// Calls `act` with each arena heap.
pub(crate) fn each(mark: Mark, act: impl FnMut(&Heap)) {
    let _values = VALUES.lock(mark);
    // SAFETY: the lock is held while they are used.
    unsafe { heaps::of_values() }.for_each(act);
}

/// Gives the address space of an arena heap back, none of whose blocks is live.
fn release(values: LockGuard<'_, Values>, heap: &Heap) {
    let areas = heap.pools(slot::mark()).give_up_areas();
    withdraw(&values, areas.clone());
    drop(values);
    // The heap itself stands in the last of them.
    for area in areas {
        // SAFETY: [VALUES-1: found] it was withdrawn under the lock, so that nobody else knows of it; its blocks are free.
        unsafe { windows::release_area(area) };
    }
}

/// Withdraws areas from the table of windows, under the lock.
fn withdraw(_held: &Values, areas: impl Iterator<Item = AreaRef>) {
    areas.for_each(windows::withdraw);
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    use super::*;

    /// A heap gives up its areas before it is withdrawn: a walk over the heaps meets none in between.
    ///
    /// There is at most one walk for each heap that comes or goes: walks without a rest would keep the lock from the
    /// thread that makes heaps, which is woken too late each time.
    #[test]
    fn walks_meet_no_heap_that_gave_up_its_areas() {
        let changes = AtomicUsize::new(0);
        let change = || changes.fetch_add(1, Ordering::Relaxed);
        thread::scope(|scope| {
            let maker = scope.spawn(|| {
                for _ in 0..40 {
                    let homes = [(); MAX_KEPT + 8].map(|()| {
                        change();
                        create().unwrap()
                    });
                    for home in homes {
                        change();
                        // SAFETY: made just now, and touched by nobody else.
                        unsafe { end(home) };
                    }
                }
            });
            let mark = slot::mark();
            let mut seen = 0;
            while !maker.is_finished() {
                if changes.load(Ordering::Relaxed) == seen {
                    thread::yield_now();
                    continue;
                }
                seen = changes.load(Ordering::Relaxed);
                each(mark, |heap| assert!(heap.areas(mark) > 0));
            }
        });
    }
}
