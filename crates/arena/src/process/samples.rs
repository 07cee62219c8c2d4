//! Sampled blocks: they lie in a heap of their own, so that a block's address shows whether it may be one.

use core::{
    ptr::null_mut,
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
};

use crate::{
    books::samples::{Copy, Samples},
    cache::{slot, watch::Watch},
    heap::Heap,
    policy::sampling::Weight,
    sys::{
        lock::Lock,
        trace::{self, DEEPEST},
    },
};

/// The bytes between samples on average; zero while none are taken. `Relaxed`: a thread may see it late.
static INTERVAL: AtomicUsize = AtomicUsize::new(0);

/// The heap in which sampled blocks lie, except for huge ones; null before there were any. It never ends. `Release`
/// where it is set pairs with `Acquire` in [`heap`]; a thread that frees a block of it has seen it set.
static SAMPLED: AtomicPtr<Heap> = AtomicPtr::new(null_mut());

/// The samples. The lock is taken while no other is held.
static SAMPLES: Lock<Samples> = Lock::new(Samples::new());

/// The lock, for a fork, and for who won't wait for it.
pub(crate) fn lock() -> &'static Lock<Samples> {
    &SAMPLES
}

/// The bytes between samples on average; zero while none are taken.
#[inline(always)]
pub(crate) fn interval() -> usize {
    INTERVAL.load(Ordering::Relaxed)
}

/// From now on samples are taken, or no more at zero. There is a [`heap`] for them.
pub(super) fn set_interval(interval: usize) {
    INTERVAL.store(interval, Ordering::Relaxed);
}

/// Makes a heap the one for samples, unless there is one; returns whether it did.
pub(super) fn set_heap(heap: *mut Heap) -> bool {
    let (order, failed) = (Ordering::Release, Ordering::Relaxed);
    SAMPLED.compare_exchange(null_mut(), heap, order, failed).is_ok()
}

/// The heap that sampled blocks lie in, once there is one.
pub(crate) fn heap() -> Option<&'static Heap> {
    // SAFETY: null, or a heap that `set_heap` stored, which never ends.
    unsafe { SAMPLED.load(Ordering::Acquire).as_ref() }
}

/// Whether blocks of a heap may be samples.
#[inline]
pub(crate) fn lie_in(heap: &Heap) -> bool {
    core::ptr::eq(heap, SAMPLED.load(Ordering::Relaxed))
}

/// Notes a sample of `size` bytes that was just allocated.
pub(super) fn note(watch: &Watch, block: *mut u8, size: usize) {
    watch.while_busy(|| {
        let mut calls = [0; DEEPEST];
        let depth = trace::capture(&mut calls);
        let weight = Weight::of(size, watch.interval());
        SAMPLES.lock(slot::mark()).add(block.addr(), weight, &calls[..depth]);
    });
}

/// Forgets a block that is about to be freed, or another that isn't a sample.
#[cold]
pub(crate) fn forget(block: *mut u8) {
    SAMPLES.lock(slot::mark()).remove(block.addr());
}

/// Forgets a huge block that is about to be freed, if there may be samples.
pub(crate) fn forget_huge(block: *mut u8) {
    if !SAMPLED.load(Ordering::Relaxed).is_null() {
        forget(block);
    }
}

/// Copies what is noted; `None` if memory is out.
pub(crate) fn copy() -> Option<Copy> {
    SAMPLES.lock(slot::mark()).copy()
}
