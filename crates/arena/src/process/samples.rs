//! Sampled blocks: they lie in a heap of their own, so that a block's address shows whether it may be one.

use core::{
    ptr::null_mut,
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
};

use crate::{
    books::{
        broken::Broken,
        samples::{Copy, Samples},
    },
    cache::{slot, watch::Watch},
    heap::Heap,
    policy::sampling::{Rates, Weight},
    sys::{
        lock::Lock,
        probe::probe,
        trace::{self, DEEPEST},
    },
};

/// How often blocks are taken aside: [`Rates`]. `Relaxed`: a thread may see it late.
static RATES: AtomicUsize = AtomicUsize::new(0);

/// The heap in which sampled blocks lie, except for huge ones and those with a tag; null before there were any. It never ends. `Release`
/// where it is set pairs with `Acquire` in [`heap`]; a thread that frees a block of it has seen it set.
static SAMPLED: AtomicPtr<Heap> = AtomicPtr::new(null_mut());

/// Where the address of that heap stands.
pub(crate) const PLACE: *const () = (&raw const SAMPLED).cast();

/// The samples. The lock is taken while no other is held, but by a fork.
static SAMPLES: Lock<Samples> = Lock::new(Samples::new());

/// What is to be done once the thread that has the samples in hand is done with them, or null. `Release` where it is set
/// pairs with `Acquire` where it is taken.
static ASKED: AtomicPtr<()> = AtomicPtr::new(null_mut());

/// The lock, for a fork, and for callers that don't wait for it.
pub(crate) fn lock() -> &'static Lock<Samples> {
    &SAMPLES
}

/// How often blocks are taken aside.
#[inline(always)]
pub(crate) fn rates() -> Rates {
    Rates::from_word(RATES.load(Ordering::Relaxed))
}

/// The bytes between samples on average; zero while none are taken.
#[inline(always)]
pub(crate) fn interval() -> usize {
    rates().interval()
}

/// Changes how often blocks are taken aside. There is a [`heap`] for samples, if any are to be taken, and a pool for fenced
/// blocks.
pub(super) fn set_rates(change: impl Fn(Rates) -> Rates) {
    let changed = |word| Some(change(Rates::from_word(word)).word());
    let _ = RATES.fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed);
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

/// Whether blocks of a heap may be samples: of the one for samples, or, once there is that, a tag's.
#[inline]
pub(crate) fn lie_in(heap: &Heap) -> bool {
    let sampled = SAMPLED.load(Ordering::Relaxed);
    core::ptr::eq(heap, sampled) || !sampled.is_null() && heap.tag().is_some()
}

/// Notes a sample of `size` bytes that was just allocated.
pub(super) fn note(watch: &Watch, block: *mut u8, size: usize) {
    watch.while_busy(|| {
        let mut calls = [0; DEEPEST];
        let depth = trace::capture(&mut calls);
        let weight = Weight::of(size, watch.interval());
        probe!("sampled", block.addr(), size);
        with(|samples| samples.add(block.addr(), weight, &calls[..depth]));
    });
}

/// Forgets a block that is about to be freed, or another that isn't a sample.
#[cold]
pub(crate) fn forget(block: *mut u8) {
    with(|samples| samples.remove(block.addr()));
}

/// Forgets a block that lies in no area and is about to be freed, if there may be samples.
pub(crate) fn forget_elsewhere(block: *mut u8) {
    if !SAMPLED.load(Ordering::Relaxed).is_null() {
        forget(block);
    }
}

/// Checks the invariants of the samples. O(sites · samples).
pub(crate) fn validate() -> Result<(), Broken> {
    SAMPLES.lock(slot::mark()).validate()
}

/// Copies the sites and the sums; `None` if memory is out.
pub(crate) fn copy() -> Option<Copy> {
    with(|samples| samples.copy())
}

/// Acts at once; or where a signal has interrupted the calling thread while it had the samples in hand, once it is done
/// with them.
pub(crate) fn soon(act: fn()) {
    if SAMPLES.is_held_by(slot::mark()) {
        ASKED.store(act as *mut (), Ordering::Release);
    } else {
        act();
    }
}

/// Does something with the samples, and then what was asked for meanwhile.
fn with<T>(act: impl FnOnce(&mut Samples) -> T) -> T {
    let done = act(&mut SAMPLES.lock(slot::mark()));
    if !ASKED.load(Ordering::Relaxed).is_null() {
        do_asked();
    }
    done
}

#[cold]
fn do_asked() {
    let asked = ASKED.swap(null_mut(), Ordering::Acquire);
    if !asked.is_null() {
        // SAFETY: it is from `soon`, a function of this type.
        unsafe { core::mem::transmute::<*mut (), fn()>(asked)() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_amid_a_sample_is_done_after_it() {
        static DONE: AtomicUsize = AtomicUsize::new(0);
        let act = || {
            DONE.fetch_add(1, Ordering::Relaxed);
        };
        let done = || DONE.load(Ordering::Relaxed);
        soon(act);
        assert_eq!(done(), 1);
        with(|_samples| {
            soon(act);
            assert_eq!(done(), 1, "not by who holds the lock");
        });
        assert_eq!(done(), 2);
        with(|_samples| ());
        assert_eq!(done(), 2, "once");
    }
}
