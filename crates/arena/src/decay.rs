//! Giving memory back in the course of time, where that is [set](crate::Config::decay).
//!
//! Twice in each decay, one of the threads that happen to allocate or free goes over all heaps: what
//! served nothing in the whole time since the last look is given back. A heap whose thread is idle or gone
//! is looked at like the others. Nothing happens while no thread comes to its slow paths; there is no
//! thread of the allocator's own.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::{system, thread, values};

/// Milliseconds, or zero for never.
static DECAY: AtomicU64 = AtomicU64::new(0);
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

#[cold]
#[inline(never)]
fn run() {
    let Some(cache) = thread::attached() else { return };
    values::try_each_heap(cache.mark(), |heap| {
        if let Some(spent) = heap.purge_idle(cache.mark()) {
            // None of arena heaps, which get no batches: no lock is waited for here.
            cache.free_batches(spent);
        }
    });
}
