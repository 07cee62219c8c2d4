//! Threads: how one gets a cache, and what becomes of it when the thread ends or the process forks.

use core::{
    cell::Cell,
    ffi::c_void,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::{
    cache::{Cache, CacheWithStacks, ENDED_THREAD, NEW_THREAD, slot},
    heap::{Heap, Visit},
    process::{frees, heaps, home::Home, watching},
    sys::{lock::Lock, mark},
};

mod fork;
mod streams;

/// The caches of threads that ended, to be adopted with their heaps by threads that start.
///
/// New heaps are made under its lock too, so that a fork, which takes it, finds all of them.
static IDLE: Lock<IdleCaches> = Lock::new(IdleCaches(Cell::new(core::ptr::null())));

struct IdleCaches(Cell<*const Cache>);

// SAFETY: idle caches belong to no thread.
unsafe impl Send for IdleCaches {}

impl IdleCaches {
    fn push(&self, cache: &'static Cache) {
        cache.next_idle.set(self.0.get());
        self.0.set(cache);
    }

    fn iter(&self) -> impl Iterator<Item = &'static Cache> {
        // SAFETY: the list holds caches, which live as long as the process.
        let cache = |place: *const Cache| unsafe { place.as_ref() };
        core::iter::successors(cache(self.0.get()), move |idle| cache(idle.next_idle.get()))
    }

    fn pop(&self) -> Option<&'static Cache> {
        // SAFETY: the list holds caches, which live as long as the process.
        let cache = unsafe { self.0.get().as_ref() }?;
        self.0.set(cache.next_idle.get());
        Some(cache)
    }
}

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
    let idle = IDLE.lock(mark::of_thread());
    let cache = idle.pop().or_else(fork::adopt_lost).or_else(at_home);
    drop(idle);
    if let Some(heap) = cache.and_then(Cache::heap) {
        heap.wake(mark::of_thread());
    }
    let cache = cache.or_else(as_guest)?;
    slot::set(cache);
    exit::watch(cache);
    Some(cache)
}

/// A cache in a new area, with a heap of its own.
///
/// The caller holds the lock of [`IDLE`].
fn at_home() -> Option<&'static Cache> {
    Some(Home::of_thread()?.open())
}

/// A cache for blocks of a heap that others use as well.
fn as_guest() -> Option<&'static Cache> {
    let heap = any_heap()?;
    Some(CacheWithStacks::map()?.open(heap))
}

/// Some heap, each time another one, for threads that have no cache.
pub(crate) fn any_heap() -> Option<&'static Heap> {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let known = heaps::of_threads(TURN.fetch_add(1, Ordering::Relaxed)).next();
    known.or_else(|| {
        let _lock = IDLE.lock(mark::of_thread());
        Some(&Home::of_thread()?.heap)
    })
}

/// Sees to what a visit to heaps left, on behalf of the calling thread, which holds no lock.
pub(crate) fn see_to(visit: Visit) {
    match known() {
        Some(cache) => frees::see_to(cache, visit),
        None => frees::see_to_at_once(slot::mark(), visit),
    }
}

/// The end of a thread: its blocks go back, its heap waits for another thread.
fn detach(cache: &'static Cache) {
    watching::leave(slot::cache());
    let mark = cache.mark();
    frees::see_to(cache, cache.flush(mark));
    // What was freed by that is in the cache again.
    frees::see_to_at_once(mark, cache.retire(mark));
    slot::set(&ENDED_THREAD);
    IDLE.lock(mark::of_thread()).push(cache);
}

/// Gives back what the caches of ended threads took.
pub(crate) fn purge_idle_caches() {
    IDLE.lock(mark::of_thread()).iter().for_each(Cache::purge_stacks);
}

/// Sees to it that forks find no lock held, for whoever takes locks in threads that may have no cache.
pub(crate) fn watch_forks() {
    // By way of a cache: the C library may allocate while it notes the handlers, and a thread with a cache
    // doesn't come here again for that.
    if !exit::is_watched() && attached().is_none() {
        exit::key();
    }
}

/// How the end of a thread is seen: by a key of the C library, since a `thread_local!` with a
/// destructor would allocate while it is registered.
mod exit {
    use super::{AtomicUsize, Cache, Ordering, c_void, detach, fork};

    /// The key plus one, or zero before there is one. `Release` where it is set pairs with each `Acquire`: who
    /// finds it, finds the handlers of forks in place.
    static KEY: AtomicUsize = AtomicUsize::new(0);

    // Before there are threads that fork.
    #[cfg(not(loom))]
    stratalloc_pages::at_start!({
        key();
    });

    /// Sees to it that the calling thread's end is noticed.
    pub(super) fn watch(cache: &'static Cache) {
        let Some(key) = key() else { return };
        // It may allocate, which the thread can do by now. Should it fail, the thread's cache isn't
        // adopted after its end: memory that is lost to others, but never wrong.
        // SAFETY: the key was created, and is never deleted.
        unsafe { libc::pthread_setspecific(key, core::ptr::from_ref(cache).cast()) };
    }

    /// Whether forks are seen too.
    pub(super) fn is_watched() -> bool {
        KEY.load(Ordering::Acquire) != 0
    }

    pub(super) fn key() -> Option<libc::pthread_key_t> {
        let known = KEY.load(Ordering::Acquire);
        if known != 0 {
            return Some((known - 1) as libc::pthread_key_t);
        }
        // Before the key is known: who finds it may take locks. Two threads may both come here; then the
        // second one's handlers find taken what the first one's took.
        fork::watch();
        let mut key = 0;
        // SAFETY: the key is written before it is used; the destructor is a function of ours.
        if unsafe { libc::pthread_key_create(&raw mut key, Some(thread_ends)) } != 0 {
            return None;
        }
        match KEY.compare_exchange(0, key as usize + 1, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(key),
            Err(first) => {
                // SAFETY: nobody else knows this key.
                unsafe { libc::pthread_key_delete(key) };
                Some((first - 1) as libc::pthread_key_t)
            }
        }
    }

    unsafe extern "C" fn thread_ends(cache: *mut c_void) {
        // SAFETY: the key's value is the thread's cache.
        detach(unsafe { &*cache.cast::<Cache>() });
    }
}
