//! The lock of the hosted layers, for slow paths: it allocates nothing, waits in the kernel, and is known to
//! a fork.
//!
//! A thread tries for about as long as a refill takes, then sleeps until the holder wakes it: so a thread of
//! high priority doesn't keep the holder from the processor. Taking a free lock is one compare-and-swap, and
//! giving it back one exchange, which shows whether a thread waits.
//!
//! The holder's priority isn't raised (`FUTEX_LOCK_PI`). The word would have to be the number of the thread
//! that the kernel knows, which costs a call for each thread and each fork; the kernel would hand a contended
//! lock from thread to thread, a change of threads each time; and sandboxes refuse that call more often than
//! the plain one. What is left is the usual trade: a thread of middling priority that never sleeps may
//! keep both from the processor, as with the C library's own locks.

#[cfg(not(loom))]
use core::marker::PhantomData;
use core::{
    cell::UnsafeCell,
    ops::{Deref, DerefMut},
};

use stratalloc_core::sync::{
    atomic::{AtomicUsize, Ordering},
    spin_loop,
};

/// Attempts before a thread sleeps: about as long as a refill takes. None under loom, which has a thread that
/// spins wait for all others.
const ATTEMPTS: u32 = if cfg!(loom) { 0 } else { 128 };

/// Bits of the word beside the holder's mark.
const HELD: usize = 1;
const WAITED_FOR: usize = 2;
const BITS: usize = HELD | WAITED_FOR;

/// What a lock knows its holder by: a word that is the thread's own for as long as it holds the lock.
///
/// By it a thread that forks inside a signal handler finds out that it interrupted itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Mark(usize);

impl Mark {
    /// Returns the mark of a thread by a word of its own, such as an address in its stack. The word's two low bits
    /// don't count.
    #[inline]
    pub const fn new(word: usize) -> Self {
        Self(word & !BITS)
    }

    /// Returns the word, without its two low bits.
    #[inline]
    pub const fn get(self) -> usize {
        self.0
    }
}

/// A value for one thread at a time.
///
/// ```
/// use stratalloc_pages::lock::{Lock, Mark};
///
/// static SUM: Lock<u64> = Lock::new(0);
/// let mark = Mark::new(8); // an address of this thread's
/// *SUM.lock(mark) += 1;
/// assert!(!SUM.lock_for_fork(mark) || *unsafe { SUM.forked() } == 1);
/// # unsafe { SUM.unlock_forked() };
/// ```
///
/// # Invariants
///
/// - [LOCK-1: holder] `word` is zero if nobody holds the lock, else `HELD` with the holder's mark.
/// - [LOCK-2: sleepers] While a thread sleeps over a word, that has `WAITED_FOR`, or it is about to be woken, or
///   another one is that takes the lock with `WAITED_FOR`.
pub struct Lock<T> {
    /// `Acquire` in `try_lock` and `lock_slowly` pairs with `Release` in `unlock`.
    word: AtomicUsize,
    #[cfg(loom)]
    modelled: modelled::Modelled,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached only by the one guard of the moment.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    /// Returns a lock that nobody holds.
    #[cfg(not(loom))]
    pub const fn new(value: T) -> Self {
        Self { word: AtomicUsize::new(0), value: UnsafeCell::new(value) }
    }

    /// Loom's atomics can't be made in constants.
    #[cfg(loom)]
    pub fn new(value: T) -> Self {
        Self {
            word: AtomicUsize::new(0),
            modelled: modelled::Modelled::default(),
            value: UnsafeCell::new(value),
        }
    }

    /// Returns the value, if nobody holds the lock. `mark` is the calling thread's.
    #[inline]
    pub fn try_lock(&self, mark: Mark) -> Option<LockGuard<'_, T>> {
        // Lazily: a guard that is made is a guard that unlocks.
        self.take(mark, HELD).then(|| LockGuard::new(self))
    }

    /// Waits until nobody else holds the lock, and returns the value.
    ///
    /// A thread that holds the lock already waits for ever.
    #[inline]
    pub fn lock(&self, mark: Mark) -> LockGuard<'_, T> {
        if !self.take(mark, HELD) {
            self.take_slowly(mark);
        }
        LockGuard::new(self)
    }

    /// Returns the value, without looking at the lock: nobody else can.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    #[inline]
    fn take(&self, mark: Mark, bits: usize) -> bool {
        let holder = mark.0 | bits;
        self.word.load(Ordering::Relaxed) == 0
            && self.word.compare_exchange(0, holder, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn take_slowly(&self, mark: Mark) {
        for _ in 0..ATTEMPTS {
            if self.take(mark, HELD) {
                return;
            }
            spin_loop();
        }
        // Whether others sleep isn't known to who was asleep: it takes the lock as if some did [LOCK-2].
        while !self.take(mark, BITS) {
            self.sleep();
        }
    }

    /// Sleeps until the holder of this moment gives the lock back; or not, if that changed meanwhile.
    fn sleep(&self) {
        let holder = self.word.load(Ordering::Relaxed);
        if holder == 0 {
            return;
        }
        let waited_for = holder | WAITED_FOR;
        let noted = holder == waited_for
            || self
                .word
                .compare_exchange(holder, waited_for, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if noted {
            self.wait(waited_for);
        }
    }

    #[inline]
    fn unlock(&self) {
        if self.word.swap(0, Ordering::Release) & WAITED_FOR != 0 {
            self.wake_one();
        }
    }

    #[cfg(not(loom))]
    fn wait(&self, word: usize) {
        crate::os::wait(&self.word, word);
    }

    #[cold]
    #[cfg(not(loom))]
    fn wake_one(&self) {
        crate::os::wake_one(&self.word);
    }

    /// Whether the calling thread, whose mark this is, holds the lock: it was interrupted by a signal then.
    pub fn is_held_by(&self, mark: Mark) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        word & HELD != 0 && word & !BITS == mark.0
    }

    /// Takes the lock for the time of a fork, and returns whether it is to be released afterwards: not
    /// if the forking thread itself held it.
    pub fn lock_for_fork(&self, mark: Mark) -> bool {
        if self.is_held_by(mark) {
            return false;
        }
        core::mem::forget(self.lock(mark));
        true
    }

    /// Returns the value, for the only thread of a forked process.
    ///
    /// # Safety
    ///
    /// This thread took the lock before the fork, and no guard is alive.
    pub unsafe fn forked(&self) -> &T {
        #[cfg(loom)]
        self.touch();
        // SAFETY: this thread has the lock, no guard is alive, and no other thread is.
        unsafe { &*self.value.get() }
    }

    /// Releases what [`lock_for_fork`](Self::lock_for_fork) took, in the parent or in the child.
    ///
    /// # Safety
    ///
    /// That said so, and nothing that `forked` returned is used any more.
    pub unsafe fn unlock_forked(&self) {
        self.unlock();
    }
}

/// Exclusive access to a locked value, until it is dropped.
#[must_use = "the lock is released as soon as this is dropped"]
pub struct LockGuard<'a, T> {
    lock: &'a Lock<T>,
    /// It stays with its thread, whose mark the lock has; and it shows its value to no other.
    #[cfg(not(loom))]
    stays: PhantomData<*mut T>,
}

impl<'a, T> LockGuard<'a, T> {
    #[inline]
    fn new(lock: &'a Lock<T>) -> Self {
        #[cfg(not(loom))]
        return Self { lock, stays: PhantomData };
        #[cfg(loom)]
        lock.touch();
        #[cfg(loom)]
        return Self { lock };
    }
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
        #[cfg(loom)]
        self.lock.touch();
        self.lock.unlock();
    }
}

#[cfg(loom)]
mod modelled;

#[cfg(all(loom, test))]
mod tests;

#[cfg(all(not(loom), test))]
mod system_tests;
