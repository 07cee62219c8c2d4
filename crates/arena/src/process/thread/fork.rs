//! Forks: the child has one thread, and must find no lock held by threads that it lacks. Their heaps wait for threads of
//! its own. The blocks in their caches are lost, since the caches changed while the kernel copied them.

use core::cell::UnsafeCell;

use crate::{
    books::windows,
    cache::slot,
    heap::Heap,
    plan::geometry::AREA_SHIFT,
    policy::grant::ACCOUNT,
    process::{
        arena_heaps, heaps,
        home::Home,
        hook, samples,
        thread::{Cache, IDLE, Lock, streams},
    },
    sys::mark,
};

/// Held from before a fork until after it. The C library may run the handlers of several threads
/// at once, and those of a signal handler's fork in the midst of another's.
static FORK: Lock<()> = Lock::new(());

/// A bit for each window of the address space.
type Windows = [u64; 32];

/// The locks that the thread which holds [`FORK`] has taken besides.
#[expect(clippy::struct_excessive_bools, reason = "one for each lock")]
struct Taken {
    /// Heaps' locks.
    heaps: Windows,
    /// The lock of the idle caches, that of the arena heaps, and that of the samples.
    idle: bool,
    values: bool,
    samples: bool,
    /// That of the C library's streams: only where there may be other threads, as its own fork takes it.
    streams: bool,
    /// Forks by signal handlers that interrupted the handlers of this one: they find the locks taken, and leave them so.
    nested: usize,
    /// Locks that were the thread's own already: it was interrupted while it held them.
    own: usize,
}

/// A static that one thread at a time touches.
///
/// # Invariants
///
/// - [SHARED-1: sole] [`TAKEN`] is touched by the thread that holds [`FORK`], and after a fork by the child's only thread.
///   [`LOST`] is touched under the lock of [`IDLE`], and by a child's only thread.
struct Shared<T>(UnsafeCell<T>);

// SAFETY: [SHARED-1: sole] one thread at a time touches it.
unsafe impl<T> Sync for Shared<T> {}

/// The locks taken for a fork that is under way.
static TAKEN: Shared<Taken> = Shared(UnsafeCell::new(Taken {
    heaps: [0; 32],
    idle: false,
    values: false,
    samples: false,
    streams: false,
    nested: 0,
    own: 0,
}));

/// The windows of heaps whose threads this process lost when it was forked.
static LOST: Shared<Windows> = Shared(UnsafeCell::new([0; 32]));

/// Registers the handlers of forks.
pub(super) fn watch() {
    // SAFETY: the handlers may be called at any fork, in the order that the call names.
    unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after_in_child)) };
}

/// The window in which something stands.
fn window<T>(place: &T) -> usize {
    core::ptr::from_ref(place).addr() >> AREA_SHIFT
}

fn has(windows: &Windows, window: usize) -> bool {
    windows[window / 64] & (1 << (window % 64)) != 0
}

/// Takes all locks, before a fork.
unsafe extern "C" fn before() {
    let nested = !FORK.lock_for_fork(mark::of_thread());
    let taken = TAKEN.0.get();
    // SAFETY: [SHARED-1: sole] this thread holds `FORK`. Through a pointer, since a signal may come at any time.
    unsafe {
        if nested {
            (*taken).nested += 1;
            return;
        }
        take(taken);
    }
}

/// Takes all locks but [`FORK`], and notes which.
///
/// # Safety
///
/// `taken` is [`TAKEN`], and the thread holds [`FORK`].
unsafe fn take(taken: *mut Taken) {
    // SAFETY: [SHARED-1: sole] this thread holds `FORK`, by this function's contract.
    unsafe {
        (*taken).streams = heaps::of_threads(0).nth(1).is_some();
        if (*taken).streams {
            streams::lock();
        }
        (*taken).idle = IDLE.lock_for_fork(mark::of_thread());
        (*taken).values = arena_heaps::lock().lock_for_fork(slot::mark());
        (*taken).samples = samples::lock().lock_for_fork(slot::mark());
        (*taken).heaps = [0; 32];
        (*taken).own = usize::from(!(*taken).idle) + usize::from(!(*taken).values);
        for heap in all_heaps() {
            if heap.lock().lock_for_fork(slot::mark()) {
                (*taken).heaps[window(heap) / 64] |= 1 << (window(heap) % 64);
            } else {
                (*taken).own += 1;
            }
        }
    }
}

/// Gives all locks back, after a fork, in the process that forked.
unsafe extern "C" fn after() {
    let taken = TAKEN.0.get();
    // SAFETY: [SHARED-1: sole] this thread holds `FORK` since `before`, in which this fork isn't nested; or it is the
    // child's only one.
    unsafe {
        if (*taken).nested > 0 {
            (*taken).nested -= 1;
            return;
        }
        give_back(taken);
        FORK.unlock_forked();
    }
}

/// Gives back the locks that [`take`] took.
///
/// # Safety
///
/// As for [`take`]; the locks are still held.
unsafe fn give_back(taken: *mut Taken) {
    // SAFETY: [SHARED-1: sole] this thread holds `FORK`, and the locks that are noted, by this function's contract.
    unsafe {
        for heap in all_heaps() {
            if has(&(*taken).heaps, window(heap)) {
                heap.lock().unlock_forked();
            }
        }
        if (*taken).samples {
            samples::lock().unlock_forked();
        }
        if (*taken).values {
            arena_heaps::lock().unlock_forked();
        }
        if (*taken).idle {
            IDLE.unlock_forked();
        }
        if (*taken).streams {
            streams::unlock();
        }
    }
}

/// Gives all locks back, after a fork, in the child.
unsafe extern "C" fn after_in_child() {
    // SAFETY: [SHARED-1: sole] this is the child's only thread. Where the fork interrupted another one, or a change of the
    // idle caches, half of the change may be missing: the heaps are left alone.
    unsafe {
        if (*TAKEN.0.get()).nested == 0 && (*TAKEN.0.get()).idle {
            note_lost();
        }
        if (*TAKEN.0.get()).nested == 0 && (*TAKEN.0.get()).own == 0 {
            recount();
        }
        hook::forget_lost();
        if core::mem::take(&mut (*TAKEN.0.get()).streams) {
            streams::reset();
        }
        after();
    }
}

/// Notes the heaps of the threads that are gone: all that were there before the fork, except for this thread's own, and
/// those that wait for a thread already.
///
/// # Safety
///
/// This is the only thread of a forked process, and holds all locks.
unsafe fn note_lost() {
    // SAFETY: [SHARED-1: sole] this is the only thread, and it holds all locks, by this function's contract.
    let (taken, lost, idle) =
        unsafe { (&(*TAKEN.0.get()).heaps, &mut *LOST.0.get(), IDLE.forked()) };
    for window in heaps::of_threads(0).map(window).filter(|&window| has(taken, window)) {
        lost[window / 64] |= 1 << (window % 64);
    }
    let own = slot::cache().heap().map(window);
    // A guest's cache says nothing of the area that it may lie in.
    let idle = idle.iter().filter(|cache| cache.is_at_home()).map(window);
    for window in own.into_iter().chain(idle) {
        lost[window / 64] &= !(1 << (window % 64));
    }
}

/// Counts anew what this process holds: a thread that is gone may have reserved memory that it never got.
///
/// # Safety
///
/// As for [`note_lost`].
unsafe fn recount() {
    // SAFETY: this is the only thread, and it holds all locks, by this function's contract.
    let granted = unsafe { all_heaps().map(|heap| heap.lock().forked().grant.bytes()) };
    ACCOUNT.recount(granted.chain(windows::huge_sizes()));
}

/// The cache at home in a heap that lost its thread, opened anew. The caller holds the lock of [`IDLE`].
pub(super) fn adopt_lost() -> Option<&'static Cache> {
    // SAFETY: [SHARED-1: sole] the caller holds the lock of `IDLE`.
    let lost = unsafe { &mut *LOST.0.get() };
    let word = lost.iter().position(|&windows| windows != 0)?;
    let bit = lost[word].trailing_zeros() as usize;
    lost[word] &= lost[word] - 1;
    let home = Home::around(windows::owner_at(word * 64 + bit)?);
    // SAFETY: [WINDOWS-1: stay] a thread's home lives as long as the process; no thread uses the cache there.
    Some(unsafe { home.as_ref() }.open())
}

/// Every heap of the process.
///
/// # Safety
///
/// The caller holds the lock of the arena heaps, or forks while it is interrupted in a function that holds the lock.
unsafe fn all_heaps() -> impl Iterator<Item = &'static Heap> {
    // SAFETY: this thread holds the lock of the arena heaps, by this function's contract.
    heaps::of_threads(0).chain(unsafe { heaps::of_values() })
}
