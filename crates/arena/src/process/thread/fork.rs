//! Forking: the child has one thread, and must find no lock held by those it lost. Their heaps wait for
//! threads of its own; what lay in their caches is lost, since it changed while the kernel copied it.

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

/// What the thread that holds [`FORK`] has taken besides.
#[expect(clippy::struct_excessive_bools, reason = "one for each lock")]
struct Taken {
    /// Heaps' locks.
    heaps: Windows,
    /// The lock of the idle caches, that of the arena heaps, and that of the samples.
    idle: bool,
    values: bool,
    samples: bool,
    /// That of the C library's streams: only where there may be other threads, since its fork doesn't
    /// take it either where there are none.
    streams: bool,
    /// Forks by signal handlers that interrupted the handlers of this one: they find taken what is
    /// to be taken, and leave it so.
    nested: usize,
    /// Locks that were the thread's own already: it was interrupted while it held them.
    own: usize,
}

struct Shared<T>(UnsafeCell<T>);

// SAFETY: the two statics below say who touches them.
unsafe impl<T> Sync for Shared<T> {}

/// Only the thread that holds [`FORK`] touches it, and after a fork the child's only one.
static TAKEN: Shared<Taken> = Shared(UnsafeCell::new(Taken {
    heaps: [0; 32],
    idle: false,
    values: false,
    samples: false,
    streams: false,
    nested: 0,
    own: 0,
}));

/// The windows of heaps whose threads this process lost when it was forked. Touched under the lock
/// of [`IDLE`], and by a child's only thread.
static LOST: Shared<Windows> = Shared(UnsafeCell::new([0; 32]));

pub(super) fn watch() {
    // SAFETY: the handlers are functions of ours.
    unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after_in_child)) };
}

fn window<T>(place: &T) -> usize {
    core::ptr::from_ref(place).addr() >> AREA_SHIFT
}

fn has(windows: &Windows, window: usize) -> bool {
    windows[window / 64] & (1 << (window % 64)) != 0
}

unsafe extern "C" fn before() {
    let nested = !FORK.lock_for_fork(mark::of_thread());
    let taken = TAKEN.0.get();
    // SAFETY: this thread holds `FORK`. Through a pointer, since a signal may come at any time.
    unsafe {
        if nested {
            (*taken).nested += 1;
            return;
        }
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

unsafe extern "C" fn after() {
    let taken = TAKEN.0.get();
    // SAFETY: this thread holds `FORK` since `before`, and the child has no other.
    unsafe {
        if (*taken).nested > 0 {
            (*taken).nested -= 1;
            return;
        }
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
    // SAFETY: taken by `before`, in which this fork isn't nested.
    unsafe { FORK.unlock_forked() };
}

unsafe extern "C" fn after_in_child() {
    // SAFETY: this is the only thread. Where the fork interrupted another one, or a change of the
    // idle caches, what is known of the heaps may be half of it: they are left alone.
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

/// Notes the heaps of the threads that are gone: all that were there before the fork, but for the
/// own one and those that wait for a thread already.
unsafe fn note_lost() {
    // SAFETY: this is the only thread, and it holds all locks.
    let (taken, lost, idle) =
        unsafe { (&(*TAKEN.0.get()).heaps, &mut *LOST.0.get(), IDLE.forked()) };
    for window in heaps::of_threads(0).map(window).filter(|&window| has(taken, window)) {
        lost[window / 64] |= 1 << (window % 64);
    }
    let own = slot::cache().heap().map(window);
    for window in own.into_iter().chain(idle.iter().map(window)) {
        lost[window / 64] &= !(1 << (window % 64));
    }
}

/// Counts anew what this process holds: a thread that is gone may have reserved memory that it never got.
unsafe fn recount() {
    // SAFETY: this is the only thread, and it holds all locks.
    let granted = unsafe { all_heaps().map(|heap| heap.lock().forked().grant.bytes()) };
    ACCOUNT.recount(granted.chain(windows::huge_sizes()));
}

/// The cache at home in a heap that lost its thread, emptied. The caller holds the lock of [`IDLE`].
pub(super) fn adopt_lost() -> Option<&'static Cache> {
    // SAFETY: under the lock of `IDLE`.
    let lost = unsafe { &mut *LOST.0.get() };
    let word = lost.iter().position(|&windows| windows != 0)?;
    let bit = lost[word].trailing_zeros() as usize;
    lost[word] &= lost[word] - 1;
    let home = Home::around(windows::owner_at(word * 64 + bit)?);
    // SAFETY: a thread's home lives as long as the process; nobody uses the cache there, since its thread is gone.
    Some(unsafe { home.as_ref() }.open())
}

/// Every heap of the process.
///
/// # Safety
///
/// The caller holds the lock of the arena heaps, or is in a fork in the midst of somebody's who does.
unsafe fn all_heaps() -> impl Iterator<Item = &'static Heap> {
    // SAFETY: the caller's promise.
    heaps::of_threads(0).chain(unsafe { heaps::of_values() })
}
