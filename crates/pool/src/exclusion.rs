//! What lets one context at a time at a pool.

use core::{cell::UnsafeCell, fmt};

use lock_api::RawMutex;

/// Lets one context at a time do its work: any lock of [`lock_api`], and with the feature
/// `critical-section` a critical section.
///
/// By a function rather than a guard: a critical section must end before the one around it does, which a
/// guard that is kept for longer doesn't see to.
///
/// # Safety
///
/// The works of two contexts don't overlap where they [exclude](Self::exclude) each other by the same value,
/// and what one did happened before the next begins; also where one unwinds.
pub unsafe trait Exclusion {
    /// With nobody at work.
    const NEW: Self;

    /// Does some work while nobody else does any.
    ///
    /// It must not begin again within the work, on the same value: that waits for ever, or is fatal.
    fn exclude<T>(&self, work: impl FnOnce() -> T) -> T;
}

// SAFETY: what the lock promises; it is given back at the end of the work, or as that unwinds.
unsafe impl<R: RawMutex> Exclusion for R {
    const NEW: Self = R::INIT;

    #[inline]
    fn exclude<T>(&self, work: impl FnOnce() -> T) -> T {
        struct Unlock<'l, R: RawMutex>(&'l R);

        impl<R: RawMutex> Drop for Unlock<'_, R> {
            #[inline]
            fn drop(&mut self) {
                // SAFETY: it is locked below, by this context.
                unsafe { self.0.unlock() };
            }
        }

        self.lock();
        let _unlock = Unlock(self);
        work()
    }
}

/// A value that one context at a time can reach.
pub(crate) struct Excluded<R, T> {
    exclusion: R,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached by one context at a time, as `Exclusion` promises.
unsafe impl<R: Sync, T: Send> Sync for Excluded<R, T> {}

impl<R: Exclusion, T> Excluded<R, T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { exclusion: R::NEW, value: UnsafeCell::new(value) }
    }

    /// Does some work on the value.
    #[inline]
    pub(crate) fn with<U>(&self, work: impl FnOnce(&mut T) -> U) -> U {
        // SAFETY: nobody else reaches the value meanwhile.
        self.exclusion.exclude(|| work(unsafe { &mut *self.value.get() }))
    }
}

/// Without the value: it can be shown while that is in use.
impl<R, T> fmt::Debug for Excluded<R, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Excluded").finish_non_exhaustive()
    }
}
