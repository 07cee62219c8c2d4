//! The lock over one heap's pools: taken on slow paths only, and never while another is held.

use core::{
    cell::UnsafeCell,
    ops::{Deref, DerefMut},
};

use stratalloc_core::sync::{
    atomic::{AtomicUsize, Ordering},
    spin_loop,
};

/// Spins before the processor is offered to others: about as long as a refill takes.
const SPINS: u32 = 128;

/// A spinning lock that knows who holds it, so that a thread that forks inside an allocation (from a
/// signal handler) can tell.
pub(crate) struct Lock<T> {
    /// Zero, or the holder's mark. `Acquire` in `try_lock` pairs with `Release` in the guard's drop
    /// and in [`Lock::unlock_forked`].
    holder: AtomicUsize,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached only by the one guard of the moment.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { holder: AtomicUsize::new(0), value: UnsafeCell::new(value) }
    }

    /// The value, if nobody holds the lock. `mark` is the calling thread's, and not zero.
    #[inline]
    pub(crate) fn try_lock(&self, mark: usize) -> Option<LockGuard<'_, T>> {
        let free = self.holder.load(Ordering::Relaxed) == 0;
        let taken = free
            && self.holder.compare_exchange(0, mark, Ordering::Acquire, Ordering::Relaxed).is_ok();
        // Lazily: a guard that is made is a guard that unlocks.
        taken.then(|| LockGuard { lock: self })
    }

    /// The value, as soon as nobody else holds the lock.
    #[inline]
    pub(crate) fn lock(&self, mark: usize) -> LockGuard<'_, T> {
        let mut spins = 0;
        loop {
            if let Some(guard) = self.try_lock(mark) {
                return guard;
            }
            spins += 1;
            if spins < SPINS { spin_loop() } else { crate::system::yield_now() }
        }
    }

    /// Takes the lock for the time of a fork, and says whether it is to be released afterwards: not
    /// if the forking thread itself held it.
    pub(crate) fn lock_for_fork(&self, mark: usize) -> bool {
        if self.holder.load(Ordering::Relaxed) == mark {
            return false;
        }
        core::mem::forget(self.lock(mark));
        true
    }

    /// Releases what [`lock_for_fork`](Self::lock_for_fork) took, in the parent or in the child.
    pub(crate) fn unlock_forked(&self) {
        self.holder.store(0, Ordering::Release);
    }
}

/// Exclusive access to a locked value, until it is dropped.
pub(crate) struct LockGuard<'a, T> {
    lock: &'a Lock<T>,
}

impl<T> Deref for LockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: there is one guard at a time, so nobody else has the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for LockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: there is one guard at a time, and it is borrowed mutably.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for LockGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.holder.store(0, Ordering::Release);
    }
}
