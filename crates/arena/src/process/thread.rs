//! Threads: a thread gets a cache with its first allocation, and leaves it to others as it ends or the process forks.

use core::{
    ffi::c_void,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::{
    books::guard,
    cache::{Cache, CacheWithStacks, ENDED_THREAD, NEW_THREAD, slot},
    heap::{Heap, Visit},
    process::{frees, heaps, home::Home},
    sys::mark,
};

mod fork;
mod fork_handlers;
mod idle;
mod process;
mod streams;
mod this_process;

use this_process::{IDLE, ThisProcess};

/// The calling thread's cache; a thread that has none gets one. `None` if its end was seen, or if
/// memory is out.
pub(crate) fn attached() -> Option<&'static Cache> {
    let cache = slot::cache();
    if core::ptr::eq(cache, &raw const NEW_THREAD) {
        return attach();
    }
    (!core::ptr::eq(cache, &raw const ENDED_THREAD)).then_some(cache)
}

/// The calling thread's cache, if it has one.
pub(crate) fn known() -> Option<&'static Cache> {
    let cache = slot::cache();
    cache.heap().map(|_| cache)
}

#[cold]
fn attach() -> Option<&'static Cache> {
    let cache = process::start(&ThisProcess);
    if let Some(heap) = cache.and_then(Cache::heap) {
        heap.wake(mark::of_thread());
    }
    let cache = cache.or_else(as_guest)?;
    if guard::ON {
        cache.random.stir();
    }
    slot::set(cache);
    exit::watch(cache);
    Some(cache)
}

/// A cache for blocks of a heap that others use as well.
fn as_guest() -> Option<&'static Cache> {
    let heap = any_heap()?;
    Some(CacheWithStacks::map()?.open(heap))
}

/// A heap for a thread that has no cache: another one each time.
pub(crate) fn any_heap() -> Option<&'static Heap> {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let known = heaps::of_threads(TURN.fetch_add(1, Ordering::Relaxed)).next();
    known.or_else(|| {
        let _lock = IDLE.lock(mark::of_thread());
        Some(&Home::of_thread()?.heap)
    })
}

/// Does the work that a visit to heaps left to the calling thread, which holds no lock.
pub(crate) fn see_to(visit: Visit) {
    match known() {
        Some(cache) => frees::see_to(cache, visit),
        None => frees::see_to_at_once(slot::mark(), visit),
    }
}

/// Gives back the memory of the stacks of ended threads.
pub(crate) fn purge_idle_caches() {
    IDLE.lock(mark::of_thread()).iter().for_each(Cache::purge_stacks);
}

/// Makes sure that forks find no lock held. For callers that take locks in threads that may have no cache.
pub(crate) fn watch_forks() {
    // By way of a cache: the C library may allocate while it notes the handlers, and a thread with a cache
    // doesn't come here again for that.
    if !exit::is_watched() && attached().is_none() {
        exit::key();
    }
}

/// The exit of a thread, seen by a key of the C library: a `thread_local!` with a destructor would allocate while it is
/// registered.
mod exit {
    use super::{AtomicUsize, Cache, Ordering, ThisProcess, c_void, fork_handlers, process};

    /// The key plus one, or zero before there is one. `Release` where it is set pairs with each `Acquire`: a thread that
    /// finds it, finds the handlers of forks in place.
    static KEY: AtomicUsize = AtomicUsize::new(0);

    // Before there are threads that fork.
    #[cfg(not(loom))]
    stratalloc_pages::at_start!({
        key();
    });

    /// Has the calling thread's end noticed.
    pub(super) fn watch(cache: &'static Cache) {
        let Some(key) = key() else { return };
        // It may allocate, which the thread can do by now. If it fails, the thread's cache isn't adopted after its end:
        // its memory is lost to others, but nothing is wrong.
        // SAFETY: `key` created the key, which is never deleted.
        unsafe { libc::pthread_setspecific(key, core::ptr::from_ref(cache).cast()) };
    }

    /// Whether forks are seen too.
    pub(super) fn is_watched() -> bool {
        KEY.load(Ordering::Acquire) != 0
    }

    /// The key, which is created if there is none; `None` if the C library refuses one.
    pub(super) fn key() -> Option<libc::pthread_key_t> {
        let known = KEY.load(Ordering::Acquire);
        if known != 0 {
            return Some((known - 1) as libc::pthread_key_t);
        }
        // Before the key is known, since a thread that finds it may take locks. Two threads may both come here; then the
        // second one's handlers find the locks taken by the first one's.
        fork_handlers::register();
        let mut key = 0;
        // SAFETY: the key may be written, and `thread_ends` expects what `watch` stores.
        if unsafe { libc::pthread_key_create(&raw mut key, Some(thread_ends)) } != 0 {
            return None;
        }
        match KEY.compare_exchange(0, key as usize + 1, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(key),
            Err(first) => {
                // SAFETY: this function created the key, and no thread has a value for it.
                unsafe { libc::pthread_key_delete(key) };
                Some((first - 1) as libc::pthread_key_t)
            }
        }
    }

    unsafe extern "C" fn thread_ends(cache: *mut c_void) {
        // SAFETY: `watch` set the key's value to the thread's cache, which lives as long as the process.
        process::end(&ThisProcess, unsafe { &*cache.cast::<Cache>() });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// What the system maps may lie in the 64 GiB of an area, of another heap too.
    #[test]
    fn a_guest_takes_no_block_for_one_at_home_that_lies_beside_its_cache() {
        let guest = as_guest().unwrap();
        let beside = core::ptr::from_ref(guest).cast_mut().cast();
        assert!(!guest.is_home_of(beside));
        let home = Home::of_thread().unwrap();
        assert!(home.cache.is_home_of(core::ptr::from_ref(home).cast_mut().cast()));
    }
}
