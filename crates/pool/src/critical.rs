//! A lock that shares a pool between interrupts and threads.

use core::cell::Cell;

use critical_section::RestoreState;
use lock_api::{GuardNoSend, RawMutex};
use stratalloc_core::diag;

/// A lock that is a critical section: interrupts (or whatever the `critical-section`
/// implementation stops) wait until it is released, so an interrupt may use the pool as well.
///
/// ```
/// use stratalloc_pool::{Config, CriticalSectionLock, StaticPool};
/// static POOL: StaticPool<CriticalSectionLock, 4096> = StaticPool::new(Config::new(&[16, 64]));
/// let block = POOL.malloc(16).unwrap();
/// // SAFETY: the block is ours, and not used again.
/// assert_eq!(unsafe { POOL.free(block) }, Ok(()));
/// ```
///
/// Locking it again while it is held is reported through [`diag::fatal`].
#[derive(Debug)]
pub struct CriticalSectionLock(Cell<Option<RestoreState>>);

// SAFETY: the cell is only touched inside a critical section, by one context at a time.
unsafe impl Sync for CriticalSectionLock {}

// SAFETY: whoever has entered the critical section is alone; it is entered again only by a context
// that holds it already, which is refused.
unsafe impl RawMutex for CriticalSectionLock {
    const INIT: Self = Self(Cell::new(None));

    type GuardMarker = GuardNoSend;

    fn lock(&self) {
        if !self.try_lock() {
            diag::fatal(format_args!("pool: its lock is held by the same context"));
        }
    }

    fn try_lock(&self) -> bool {
        // SAFETY: `unlock` releases it; guards can't leave the thread.
        let restore = unsafe { critical_section::acquire() };
        if self.0.get().is_some() {
            // SAFETY: just acquired, so this is the innermost section.
            unsafe { critical_section::release(restore) };
            return false;
        }
        self.0.set(Some(restore));
        true
    }

    unsafe fn unlock(&self) {
        if let Some(restore) = self.0.take() {
            // SAFETY: this is what `try_lock` acquired.
            unsafe { critical_section::release(restore) };
        }
    }
}
