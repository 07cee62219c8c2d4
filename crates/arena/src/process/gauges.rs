//! Gauges, as threads see to them: on slow paths they tell how much is in their stocks, and have a frame written when it is
//! time.

use core::{
    ptr::null_mut,
    sync::atomic::{AtomicPtr, Ordering},
};

use crate::{cache::Cache, sys::lock::Mark, thresholds::GAUGES_PERIOD};

/// The function that writes a frame when it is time, or null where there are no gauges. `Release` in [`set`] pairs with
/// `Acquire` in [`write`]. (A room below this one has the function.)
static WRITE: AtomicPtr<()> = AtomicPtr::new(null_mut());

/// Sets the function.
pub(crate) fn set(write: fn(mark: Mark)) {
    WRITE.store(write as *mut (), Ordering::Release);
}

/// Whether there are gauges.
pub(crate) fn is_on() -> bool {
    !WRITE.load(Ordering::Relaxed).is_null()
}

/// Does what the thread whose own cache this is owes the gauges, if there are any. It holds no lock.
#[inline]
pub(crate) fn tick(cache: &Cache) {
    if is_on() {
        note_stock(cache);
        write(cache.mark());
    }
}

/// Has a frame written, if it is time and there are gauges. The calling thread holds no lock.
#[cold]
#[inline(never)]
pub(crate) fn write(mark: Mark) {
    let write = WRITE.load(Ordering::Acquire);
    if !write.is_null() {
        // SAFETY: `set` made the pointer of a function of this type.
        let write = unsafe { core::mem::transmute::<*mut (), fn(Mark)>(write) };
        write(mark);
    }
}

/// Notes what is in the stock of a thread that is at home in its heap: other heaps have several threads.
#[cold]
#[inline(never)]
fn note_stock(cache: &Cache) {
    if let Some(heap) = cache.heap().filter(|_| cache.is_at_home()) {
        heap.set_stock(cache.stock_bytes());
    }
}

/// The milliseconds that a thread in the background sleeps at most, where it would sleep for so many, zero being without
/// end.
pub(crate) fn pause(otherwise: u64) -> u64 {
    match otherwise {
        _ if !is_on() => otherwise,
        0 => GAUGES_PERIOD,
        otherwise => otherwise.min(GAUGES_PERIOD),
    }
}
