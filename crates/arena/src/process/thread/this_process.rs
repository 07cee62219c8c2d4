//! What threads that start and end, and forks, find in the process that this is.

use core::cell::Cell;

use crate::{
    books::{guard, samples::Samples, windows},
    cache::{Cache, ENDED_THREAD, slot},
    heap::pools::Pools,
    plan::geometry::AREA_SHIFT,
    policy::grant::ACCOUNT,
    process::{
        arena_heaps::{self, Values},
        frees, heaps,
        home::Home,
        hook, quarantine, samples,
        thread::{
            fork::{self, Fork},
            idle::{Idle, IdleCaches},
            process::Process,
            streams,
        },
        watching,
    },
    sys::{
        lock::{Lock, Mark},
        mark,
    },
};

/// The caches of threads that ended, to be adopted with their heaps by threads that start.
pub(super) static IDLE: Lock<IdleCaches<Cache>> = Lock::new(IdleCaches::new());

/// What a fork that is under way has taken.
static FORK: Fork = Fork::new();

/// The process.
pub(super) struct ThisProcess;

impl Idle for Cache {
    fn next_idle(&self) -> &Cell<*const Self> {
        &self.next_idle
    }
}

/// The window in which something stands.
fn window<T>(place: &T) -> usize {
    core::ptr::from_ref(place).addr() >> AREA_SHIFT
}

impl Process for ThisProcess {
    type Cache = Cache;
    type Pools = Pools;
    type Values = Values;
    type Samples = Samples;

    fn mark_of_thread(&self) -> Mark {
        mark::of_thread()
    }

    fn mark(&self) -> Mark {
        slot::mark()
    }

    fn idle(&self) -> &Lock<IdleCaches<Cache>> {
        &IDLE
    }

    fn values(&self) -> &Lock<Values> {
        arena_heaps::lock()
    }

    fn samples(&self) -> &Lock<Samples> {
        samples::lock()
    }

    fn heaps_of_threads(&self) -> impl Iterator<Item = (usize, &Lock<Pools>)> {
        heaps::of_threads(0).map(|heap| (window(heap), heap.lock()))
    }

    unsafe fn heaps_of_values(&self) -> impl Iterator<Item = (usize, &Lock<Pools>)> {
        // SAFETY: this thread holds the lock of the arena heaps, by this function's contract.
        unsafe { heaps::of_values() }.map(|heap| (window(heap), heap.lock()))
    }

    fn own_window(&self) -> Option<usize> {
        slot::cache().heap().map(window)
    }

    fn home_of(cache: &Cache) -> Option<usize> {
        cache.is_at_home().then(|| window(cache))
    }

    fn new_home(&self) -> Option<&'static Cache> {
        Some(Home::of_thread()?.open())
    }

    fn home_at(&self, window: usize) -> Option<&'static Cache> {
        let home = Home::around(windows::owner_at(window)?);
        // SAFETY: [WINDOWS-1: stay] a thread's home lives as long as the process; no thread uses the cache there.
        Some(unsafe { home.as_ref() }.open())
    }

    fn empty(&self, cache: &'static Cache) {
        watching::leave(slot::cache());
        if guard::PARANOID {
            quarantine::empty(cache);
        }
        let mark = cache.mark();
        frees::see_to(cache, cache.flush(mark));
        // Batches that were freed by that are in the cache again.
        frees::see_to_at_once(mark, cache.retire(mark));
        slot::set(&ENDED_THREAD);
    }

    fn lock_streams(&self) {
        streams::lock();
    }

    fn unlock_streams(&self) {
        streams::unlock();
    }

    fn reset_streams(&self) {
        streams::reset();
    }

    unsafe fn recount(&self) {
        // SAFETY: this is the only thread, and it holds all locks, by this function's contract.
        let granted = unsafe { fork::all_heaps(self).map(|(_, heap)| heap.forked().grant.bytes()) };
        ACCOUNT.recount(granted.chain(windows::huge_sizes()));
    }
}

/// Before a fork, in the thread that forks.
pub(super) extern "C" fn before() {
    fork::before(&ThisProcess, &FORK);
}

/// After it, in the process that forked.
pub(super) extern "C" fn after() {
    fork::after(&ThisProcess, &FORK);
}

/// After it, in the child.
pub(super) extern "C" fn after_in_child() {
    // A thread that is gone may have been in the hook.
    hook::forget_lost();
    // What is random must not be the same in both processes.
    if guard::ON {
        slot::cache().own().random.stir();
    }
    fork::after_in_child(&ThisProcess, &FORK);
}
