//! A lock of the whole process, which a fork takes too, so that the child finds it free.

// Plain atomics: these stand in statics, where loom's can't.
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::{
    lock::{Lock, Mark},
    os,
};

/// Names the one static of a [`ProcessLock`]: the functions that a fork calls take no argument.
pub trait ProcessWide: 'static {
    /// What is locked.
    type Value: Send + 'static;

    /// The static.
    fn lock() -> &'static ProcessLock<Self::Value>;
}

/// A value of the whole process for one thread at a time, in a static that a [`ProcessWide`] names.
///
/// The only thread of a forked process finds it free, and whole.
///
/// ```
/// use core::cell::Cell;
/// use stratalloc_pages::{ProcessLock, ProcessWide};
///
/// static SUM: ProcessLock<Cell<u64>> = ProcessLock::new(Cell::new(0));
///
/// struct Sum;
/// impl ProcessWide for Sum {
///     type Value = Cell<u64>;
///     fn lock() -> &'static ProcessLock<Cell<u64>> {
///         &SUM
///     }
/// }
///
/// assert_eq!(ProcessLock::with::<Sum, _>(|sum| sum.replace(3)), 0);
/// ```
pub struct ProcessLock<T> {
    lock: Lock<T>,
    /// Whether the system knows what to call at forks. `Release` in `watch` pairs with its `Acquire`.
    is_watched: AtomicBool,
    /// Forks under way that found the lock taken by their own thread, and leave it so. Touched by the lock's
    /// holder alone.
    nested: AtomicUsize,
}

impl<T: Send + 'static> ProcessLock<T> {
    /// Returns a lock that nobody holds.
    pub const fn new(value: T) -> Self {
        Self {
            lock: Lock::new(value),
            is_watched: AtomicBool::new(false),
            nested: AtomicUsize::new(0),
        }
    }

    /// Acts on the value while nobody else can. A thread that is in here already waits for ever.
    #[inline]
    pub fn with<W: ProcessWide<Value = T>, R>(act: impl FnOnce(&T) -> R) -> R {
        Self::watch::<W>();
        let this = W::lock();
        act(&this.lock.lock(Mark::new(os::this_thread())))
    }

    /// Sees to it that a forked process finds the lock free. The first use does so; on Unix, it is best done
    /// by [`at_start!`](crate::at_start!), before there are threads that fork.
    #[inline]
    pub fn watch<W: ProcessWide<Value = T>>() {
        let this = W::lock();
        if !this.is_watched.load(Ordering::Acquire) {
            // Two threads may both do it; then the second handler finds the lock taken by the first.
            os::watch_forks(before::<W>, after::<W>);
            this.is_watched.store(true, Ordering::Release);
        }
    }
}

unsafe extern "C" fn before<W: ProcessWide>() {
    let this = W::lock();
    if !this.lock.lock_for_fork(Mark::new(os::this_thread())) {
        this.nested.fetch_add(1, Ordering::Relaxed);
    }
}

unsafe extern "C" fn after<W: ProcessWide>() {
    let this = W::lock();
    if this.nested.load(Ordering::Relaxed) > 0 {
        this.nested.fetch_sub(1, Ordering::Relaxed);
    } else {
        // SAFETY: `before` took it for this fork.
        unsafe { this.lock.unlock_forked() };
    }
}
