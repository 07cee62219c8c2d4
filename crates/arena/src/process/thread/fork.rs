//! Forks: the child has one thread, and must find no lock held by threads that it lacks. Their heaps wait for threads of
//! its own. The blocks in their caches are lost, since the caches changed while the kernel copied them.

use core::cell::UnsafeCell;

#[cfg(loom)]
use crate::sys::lock::Mark;
use crate::{
    process::thread::{idle::Windows, process::Process},
    sys::lock::Lock,
};

/// The state of forks.
///
/// # Invariants
///
/// - [FORK-1: sole] `taken` is touched by the thread that holds `lock`, and after a fork by the child's only thread.
pub(super) struct Fork {
    /// Held from before a fork until after it. The C library may run the handlers of several threads
    /// at once, and those of a signal handler's fork in the midst of another's.
    lock: Lock<()>,
    taken: UnsafeCell<Taken>,
}

// SAFETY: [FORK-1: sole] one thread at a time touches what isn't a lock.
unsafe impl Sync for Fork {}

/// The locks that the thread which forks has taken besides.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "one for each lock")]
struct Taken {
    /// Heaps' locks.
    heaps: Windows,
    /// The lock of the idle caches, that of the arena heaps, and that of the samples.
    idle: bool,
    values: bool,
    samples: bool,
    /// That of the C library's streams.
    streams: bool,
    /// Forks by signal handlers that interrupted the handlers of this one: they find the locks taken, and leave them so.
    nested: usize,
    /// Locks that were the thread's own already: it was interrupted while it held them.
    own: usize,
}

const NOTHING: Taken = Taken {
    heaps: Windows::NONE,
    idle: false,
    values: false,
    samples: false,
    streams: false,
    nested: 0,
    own: 0,
};

impl Fork {
    /// No fork is under way.
    #[cfg(not(loom))]
    pub(super) const fn new() -> Self {
        Self { lock: Lock::new(()), taken: UnsafeCell::new(NOTHING) }
    }

    /// Loom's atomics can't be made in constants.
    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self { lock: Lock::new(()), taken: UnsafeCell::new(NOTHING) }
    }

    /// Whether a thread forks just now.
    #[cfg(loom)]
    pub(super) fn is_under_way(&self, mark: Mark) -> bool {
        self.lock.try_lock(mark).is_none()
    }

    /// What the child of a fork has of it.
    #[cfg(loom)]
    pub(super) fn copied(&self) -> Self {
        // SAFETY: [FORK-1: sole] the thread that forks holds the lock; the copy of that shows if it doesn't.
        let taken = unsafe { *self.taken.get() };
        Self { lock: self.lock.copied(()), taken: UnsafeCell::new(taken) }
    }
}

/// Takes all locks, before a fork.
pub(super) fn before(process: &impl Process, fork: &Fork) {
    let nested = !fork.lock.lock_for_fork(process.mark_of_thread());
    let taken = fork.taken.get();
    // SAFETY: [FORK-1: sole] this thread holds the lock. Through a pointer, since a signal may come at any time.
    unsafe {
        if nested {
            (*taken).nested += 1;
            return;
        }
        take(process, taken);
    }
}

/// Takes all locks but that of forks, and notes which.
///
/// # Safety
///
/// `taken` is that of the process's forks, whose lock the thread holds.
unsafe fn take(process: &impl Process, taken: *mut Taken) {
    // SAFETY: [FORK-1: sole] this thread holds the lock, by this function's contract.
    unsafe {
        process.lock_streams();
        (*taken).streams = true;
        (*taken).idle = process.idle().lock_for_fork(process.mark_of_thread());
        (*taken).values = process.values().lock_for_fork(process.mark());
        (*taken).samples = process.samples().lock_for_fork(process.mark());
        (*taken).heaps = Windows::NONE;
        (*taken).own = usize::from(!(*taken).idle) + usize::from(!(*taken).values);
        for (window, heap) in all_heaps(process) {
            if heap.lock_for_fork(process.mark()) {
                (*taken).heaps.insert(window);
            } else {
                (*taken).own += 1;
            }
        }
    }
}

/// Gives all locks back, after a fork, in the process that forked.
pub(super) fn after(process: &impl Process, fork: &Fork) {
    let taken = fork.taken.get();
    // SAFETY: [FORK-1: sole] this thread holds the lock since `before`, in which this fork isn't nested; or it is the
    // child's only one.
    unsafe {
        if (*taken).nested > 0 {
            (*taken).nested -= 1;
            return;
        }
        give_back(process, taken);
        fork.lock.unlock_forked();
    }
}

/// Gives back the locks that [`take`] took.
///
/// # Safety
///
/// As for [`take`]; the locks are still held.
unsafe fn give_back(process: &impl Process, taken: *mut Taken) {
    // SAFETY: [FORK-1: sole] this thread holds the lock, and those that are noted, by this function's contract.
    unsafe {
        for (window, heap) in all_heaps(process) {
            if (*taken).heaps.has(window) {
                heap.unlock_forked();
            }
        }
        if (*taken).samples {
            process.samples().unlock_forked();
        }
        if (*taken).values {
            process.values().unlock_forked();
        }
        if (*taken).idle {
            process.idle().unlock_forked();
        }
        if (*taken).streams {
            process.unlock_streams();
        }
    }
}

/// Notes what the child of a fork lost, and gives all locks back.
pub(super) fn after_in_child(process: &impl Process, fork: &Fork) {
    let taken = fork.taken.get();
    // SAFETY: [FORK-1: sole] this is the child's only thread. Where the fork interrupted another one, or a change of the
    // idle caches, half of the change may be missing: the heaps are left alone.
    unsafe {
        if (*taken).nested == 0 && (*taken).idle {
            note_lost(process, (*taken).heaps);
        }
        if (*taken).nested == 0 && (*taken).own == 0 {
            process.recount();
        }
        if core::mem::take(&mut (*taken).streams) {
            process.reset_streams();
        }
    }
    after(process, fork);
}

/// Notes the heaps of the threads that are gone: all that were there before the fork, except for this thread's own, and
/// those that wait for a thread already.
///
/// # Safety
///
/// This is the only thread of a forked process, and holds the locks of the idle caches and of these heaps.
unsafe fn note_lost<P: Process>(process: &P, taken: Windows) {
    // SAFETY: this is the only thread, and it holds the lock, by this function's contract.
    let idle = unsafe { process.idle().forked() };
    let mut lost = idle.lost.get();
    let windows = process.heaps_of_threads().map(|(window, _)| window);
    windows.filter(|&window| taken.has(window)).for_each(|window| lost.insert(window));
    let waiting = idle.iter().filter_map(P::home_of);
    process.own_window().into_iter().chain(waiting).for_each(|window| lost.remove(window));
    idle.lost.set(lost);
}

/// Every heap's window and lock.
///
/// # Safety
///
/// As for [`Process::heaps_of_values`].
pub(super) unsafe fn all_heaps<P: Process>(
    process: &P,
) -> impl Iterator<Item = (usize, &Lock<P::Pools>)> {
    // SAFETY: this thread holds the lock of the arena heaps, by this function's contract.
    process.heaps_of_threads().chain(unsafe { process.heaps_of_values() })
}
