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

/// Lets other threads run.
fn yield_now() {
    #[cfg(loom)]
    stratalloc_core::sync::thread::yield_now();
    #[cfg(not(loom))]
    // SAFETY: the call has no preconditions.
    unsafe {
        libc::sched_yield();
    }
}

/// Lets other threads run and waits a while, about 70 µs with the kernel's slack. A thread that only
/// yields is soon in the way again of a holder that waits for a processor.
fn nap() {
    #[cfg(loom)]
    yield_now();
    #[cfg(not(loom))]
    // SAFETY: the time is readable. By number, since the C library's is a point at which threads are
    // cancelled.
    unsafe {
        let time = libc::timespec { tv_sec: 0, tv_nsec: 20_000 };
        libc::syscall(libc::SYS_nanosleep, &raw const time, core::ptr::null::<libc::timespec>());
    }
}

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
    #[cfg(not(loom))]
    pub(crate) const fn new(value: T) -> Self {
        Self { holder: AtomicUsize::new(0), value: UnsafeCell::new(value) }
    }

    /// Loom's atomics can't be made in constants.
    #[cfg(loom)]
    pub(crate) fn new(value: T) -> Self {
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
        self.wait(mark, yield_now)
    }

    /// The value, with `rest` after each attempt once a short wait wasn't enough.
    #[inline]
    fn wait(&self, mark: usize, rest: fn()) -> LockGuard<'_, T> {
        let mut spins = 0;
        loop {
            if let Some(guard) = self.try_lock(mark) {
                return guard;
            }
            spins += 1;
            if spins < SPINS { spin_loop() } else { rest() }
        }
    }

    /// Takes the lock for the time of a fork, and says whether it is to be released afterwards: not
    /// if the forking thread itself held it. It sleeps while it waits: a fork takes long anyway, and
    /// needs the locks of threads that may all wait for a processor.
    pub(crate) fn lock_for_fork(&self, mark: usize) -> bool {
        if self.holder.load(Ordering::Relaxed) == mark {
            return false;
        }
        core::mem::forget(self.wait(mark, nap));
        true
    }

    /// The value, for the only thread of a forked process.
    ///
    /// # Safety
    ///
    /// This thread took the lock before the fork, and no guard is alive.
    #[cfg(not(loom))]
    pub(crate) unsafe fn forked(&self) -> &T {
        // SAFETY: the caller's promise: there is nobody else.
        unsafe { &*self.value.get() }
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

#[cfg(all(loom, test))]
mod tests {
    use loom::{cell::UnsafeCell, model, sync::Arc, thread};

    use super::*;

    /// What a lock guards in the models: loom sees every access to it.
    type Guarded = Lock<UnsafeCell<usize>>;

    fn add_one(lock: &Guarded, mark: usize) {
        // SAFETY: the guard is the only one of the moment, which is what loom is to confirm.
        lock.lock(mark).with_mut(|value| unsafe { *value += 1 });
    }

    /// Two threads add one each, `meddle` comes in between; the sum must be two.
    fn sum(meddle: fn(&Guarded)) {
        model(move || {
            let lock: Arc<Guarded> = Arc::new(Lock::new(UnsafeCell::new(0)));
            let other = {
                let lock = Arc::clone(&lock);
                thread::spawn(move || add_one(&lock, 1))
            };
            meddle(&lock);
            add_one(&lock, 2);
            other.join().unwrap();
            // SAFETY: the other thread is gone.
            assert_eq!(lock.lock(2).with(|value| unsafe { *value }), 2);
        });
    }

    #[test]
    fn loom_one_holder_at_a_time() {
        sum(|_| {});
    }

    #[test]
    fn loom_a_failed_attempt_leaves_the_lock_alone() {
        sum(|lock| drop(lock.try_lock(2)));
    }

    #[test]
    #[should_panic(expected = "Causality violation")]
    fn loom_finds_the_mutant_whose_failed_attempt_unlocks() {
        sum(|lock| {
            if lock.try_lock(2).is_none() {
                drop(LockGuard { lock });
            }
        });
    }

    /// A thread that ends leaves its cache to the next: who adopts it sees all that was done to it.
    #[test]
    fn loom_an_adopted_cache_is_seen_whole() {
        model(|| {
            let cache = Arc::new(UnsafeCell::new(0));
            let idle = Arc::new(Lock::new(false));
            let ending = {
                let (cache, idle) = (Arc::clone(&cache), Arc::clone(&idle));
                thread::spawn(move || {
                    // SAFETY: the cache is this thread's until it is pushed.
                    cache.with_mut(|value| unsafe { *value = 7 });
                    *idle.lock(1) = true;
                })
            };
            if core::mem::take(&mut *idle.lock(2)) {
                // SAFETY: popped, so it is this thread's.
                assert_eq!(cache.with(|value| unsafe { *value }), 7);
            }
            ending.join().unwrap();
        });
    }

    #[test]
    #[should_panic(expected = "Causality violation")]
    fn loom_finds_the_mutant_that_adopts_without_the_lock() {
        model(|| {
            let cache = Arc::new(UnsafeCell::new(0));
            let idle = Arc::new(AtomicUsize::new(0));
            let ending = {
                let (cache, idle) = (Arc::clone(&cache), Arc::clone(&idle));
                thread::spawn(move || {
                    // SAFETY: the cache is this thread's until it is pushed.
                    cache.with_mut(|value| unsafe { *value = 7 });
                    idle.store(1, Ordering::Relaxed);
                })
            };
            if idle.swap(0, Ordering::Relaxed) == 1 {
                // SAFETY: that it isn't safe is what loom is to find.
                cache.with(|value| unsafe { *value });
            }
            ending.join().unwrap();
        });
    }
}
