//! Decay: giving memory back in the course of [time](crate::Config::decay).
//!
//! Twice in each decay, a thread that allocates or frees goes over all heaps, and gives back the memory that served
//! nothing since the last look. Heaps whose threads are idle or gone are looked at as well.
//! While no thread comes to its slow paths, nothing happens, unless there is a [thread for it](crate::Config::background).

use core::sync::atomic::{AtomicU64, Ordering};

use crate::{
    heap::inbox::Batches,
    process::arena_heaps,
    sys::{self, lock::Mark, spares},
    thresholds::DECAY_DEFAULT,
};

/// The decay in milliseconds, or zero for never.
static DECAY: AtomicU64 = AtomicU64::new(DECAY_DEFAULT);
/// The time of the last look, in milliseconds of the system's clock. The thread that sets it looks; it orders nothing.
/// (The time of the next look would follow from an old decay.)
static LAST: AtomicU64 = AtomicU64::new(0);

/// Sets the decay in milliseconds; zero for never.
pub(crate) fn set(milliseconds: u64) {
    DECAY.store(milliseconds, Ordering::Relaxed);
}

/// When all heaps were last looked over.
pub(crate) fn last_look() -> u64 {
    LAST.load(Ordering::Relaxed)
}

/// Looks over all heaps if it is time, and returns the batches that waited in their inboxes, for the caller to free. For
/// slow paths, while the calling thread holds no lock.
#[inline]
pub(crate) fn tick(mark: Mark) -> Option<Batches> {
    let decay = DECAY.load(Ordering::Relaxed);
    (decay != 0 && is_due(decay)).then(|| look(mark))
}

fn is_due(decay: u64) -> bool {
    let (now, last) = (sys::milliseconds(), LAST.load(Ordering::Relaxed));
    let is_time = now >= last + (decay / 2).max(1);
    // Where nobody looked so far, the process has just begun.
    is_time
        && LAST.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        && last != 0
}

/// Milliseconds after which the next look is due, by a clock that may lag by a few; zero for never.
pub(crate) fn pause() -> u64 {
    match DECAY.load(Ordering::Relaxed) {
        0 => 0,
        decay => (decay / 2).max(1) + 10,
    }
}

#[cold]
#[inline(never)]
fn look(mark: Mark) -> Batches {
    spares::restore();
    let mut all = Batches::NONE;
    arena_heaps::try_each_heap(mark, |heap| {
        if let Some(spent) = heap.purge_idle(mark) {
            // None of arena heaps, which get no batches.
            all = spent.and(core::mem::replace(&mut all, Batches::NONE));
        }
    });
    all
}
