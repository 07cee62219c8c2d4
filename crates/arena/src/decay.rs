//! Giving memory back in the course of [time](crate::Config::decay).
//!
//! Twice in each decay, one of the threads that happen to allocate or free goes over all heaps: what
//! served nothing in the whole time since the last look is given back. A heap whose thread is idle or gone
//! is looked at like the others. While no thread comes to its slow paths nothing happens, unless there is a
//! [thread for it](crate::background).

use core::sync::atomic::{AtomicU64, Ordering};

use crate::{background, global, policy, system, thread, values};

/// Milliseconds, or zero for never.
static DECAY: AtomicU64 = AtomicU64::new(policy::DECAY_DEFAULT);
/// When the last look was, in milliseconds of the system's clock. Whoever sets it looks; it orders
/// nothing. (Not when the next one is due: that would be by the decay of then.)
static LAST: AtomicU64 = AtomicU64::new(0);

/// Sets the decay in milliseconds; zero for never.
pub(crate) fn set(milliseconds: u64) {
    DECAY.store(milliseconds, Ordering::Relaxed);
}

/// Looks, if it is time. For slow paths, while the calling thread's cache is in order and it holds no lock.
#[inline]
pub(crate) fn tick() {
    let decay = DECAY.load(Ordering::Relaxed);
    if decay != 0 && is_due(decay) {
        run();
    }
}

fn is_due(decay: u64) -> bool {
    let (now, last) = (system::milliseconds(), LAST.load(Ordering::Relaxed));
    now >= last + (decay / 2).max(1)
        && LAST.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

/// Milliseconds after which the next look is due, by a clock that may lag by a few; zero for never.
pub(crate) fn pause() -> u64 {
    match DECAY.load(Ordering::Relaxed) {
        0 => 0,
        decay => (decay / 2).max(1) + 10,
    }
}

/// Looks, if it is time, for a thread that does nothing else.
pub(crate) fn tick_in_background() {
    let decay = DECAY.load(Ordering::Relaxed);
    if decay != 0 && is_due(decay) {
        look();
    }
}

#[cold]
#[inline(never)]
fn run() {
    background::start_if_wanted();
    look();
}

fn look() {
    let (cache, mark) = (thread::known(), thread::mark());
    values::try_each_heap(mark, |heap| {
        // None of arena heaps, which get no batches: no lock is waited for here.
        let Some(spent) = heap.purge_idle(mark) else { return };
        match cache {
            Some(cache) => cache.free_batches(spent),
            // SAFETY: a batch that was taken in is a live block, and the taker's.
            None => spent.for_each(|batch| unsafe { global::free_other(mark, batch.cast()) }),
        }
    });
}
