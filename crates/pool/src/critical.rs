//! Critical sections, which share a pool between interrupts and threads.

use core::cell::Cell;

use stratalloc_core::diag;

use crate::Exclusion;

/// A critical section: interrupts (or whatever the `critical-section` implementation stops) wait until the
/// work is done, so an interrupt may use the pool as well.
///
/// ```
/// use stratalloc_pool::{Config, CriticalSectionLock, StaticPool};
/// static POOL: StaticPool<CriticalSectionLock, 4096> = StaticPool::new(Config::new(&[16, 64]));
/// let block = POOL.malloc(16).unwrap();
/// // SAFETY: the block is ours, and not used again.
/// assert_eq!(unsafe { POOL.free(block) }, Ok(()));
/// ```
///
/// Work that uses the pool that it has already is reported through [`diag::fatal`].
///
/// It is no lock of [`lock_api`], whose guards could be dropped in an order in which critical sections can't
/// end:
///
/// ```compile_fail,E0277
/// use stratalloc_pool::CriticalSectionLock;
/// static VALUE: lock_api::Mutex<CriticalSectionLock, u64> = lock_api::Mutex::new(0);
/// ```
#[derive(Debug)]
pub struct CriticalSectionLock {
    /// Whether there is work; touched inside of a critical section alone.
    is_entered: Cell<bool>,
}

// SAFETY: the cell is only touched inside a critical section, by one context at a time.
unsafe impl Sync for CriticalSectionLock {}

// SAFETY: code in the critical section is alone, and it ends after the work; it is entered again only
// by the context that is in it already, which is refused.
unsafe impl Exclusion for CriticalSectionLock {
    const NEW: Self = Self { is_entered: Cell::new(false) };

    fn exclude<T>(&self, work: impl FnOnce() -> T) -> T {
        struct Leave<'l>(&'l Cell<bool>);

        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.set(false);
            }
        }

        critical_section::with(|_| {
            if self.is_entered.replace(true) {
                diag::fatal(format_args!("pool: used within work on it, by the same context"));
            }
            let _leave = Leave(&self.is_entered);
            work()
        })
    }
}
