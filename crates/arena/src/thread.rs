//! Threads: how one gets a cache, and what becomes of it when the thread ends or the process forks.

use core::{
    cell::Cell,
    ffi::c_void,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::{
    cache::{Cache, CacheWithStacks, ENDED_THREAD, NEW_THREAD},
    heap::Heap,
    lock::Lock,
    registry, slot, values,
};

/// The caches of threads that ended, to be adopted with their heaps by threads that start.
static IDLE: Lock<IdleCaches> = Lock::new(IdleCaches(Cell::new(core::ptr::null())));

struct IdleCaches(Cell<*const Cache>);

// SAFETY: idle caches belong to no thread.
unsafe impl Send for IdleCaches {}

impl IdleCaches {
    fn push(&self, cache: &'static Cache) {
        cache.next_idle.set(self.0.get());
        self.0.set(cache);
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

#[cold]
fn attach() -> Option<&'static Cache> {
    // Bound to a name so that the lock is released before a cache is made.
    let idle = IDLE.lock(thread_mark()).pop();
    let cache = idle.or_else(at_home).or_else(as_guest)?;
    slot::set(cache);
    exit::watch(cache);
    Some(cache)
}

/// A cache in a new area, with a heap of its own.
fn at_home() -> Option<&'static Cache> {
    let area = registry::new_home()?.as_ptr();
    // SAFETY: areas live as long as the process; this one is new.
    let (home, heap) = unsafe { (&(*area).home, &(*area).heap) };
    heap.settle(area);
    Some(home.open(heap))
}

/// A cache for blocks of a heap that others use as well.
fn as_guest() -> Option<&'static Cache> {
    let heap = any_heap()?;
    Some(CacheWithStacks::map()?.open(heap))
}

/// Some heap, each time another one, for threads that have no cache.
pub(crate) fn any_heap() -> Option<&'static Heap> {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let known = registry::heaps(TURN.fetch_add(1, Ordering::Relaxed)).next();
    known.or_else(|| {
        let area = registry::new_home()?.as_ptr();
        // SAFETY: areas live as long as the process; this one is new.
        let heap = unsafe { &(*area).heap };
        heap.settle(area);
        Some(heap)
    })
}

/// What a thread without a cache marks locks with: an address of its own.
pub(crate) fn thread_mark() -> usize {
    // SAFETY: the call has no preconditions.
    (unsafe { libc::pthread_self() }) as usize | 1
}

/// What the calling thread marks heaps' locks with.
pub(crate) fn mark() -> usize {
    let cache = slot::cache();
    if cache.heap().is_some() { cache.mark() } else { thread_mark() }
}

/// The end of a thread: its blocks go back, its heap waits for another thread.
fn detach(cache: &'static Cache) {
    cache.flush();
    slot::set(&ENDED_THREAD);
    IDLE.lock(thread_mark()).push(cache);
}

/// Sees to it that forks find no lock held, for whoever takes locks in threads that may have no cache.
pub(crate) fn watch_forks() {
    exit::key();
}

/// How the end of a thread is seen: by a key of the C library, since a `thread_local!` with a
/// destructor would allocate while it is registered.
mod exit {
    use super::{AtomicUsize, Cache, Ordering, c_void, detach, fork};

    /// The key plus one, or zero before there is one.
    static KEY: AtomicUsize = AtomicUsize::new(0);

    /// Sees to it that the calling thread's end is noticed.
    pub(super) fn watch(cache: &'static Cache) {
        let Some(key) = key() else { return };
        // It may allocate, which the thread can do by now. Should it fail, the thread's cache isn't
        // adopted after its end: memory that is lost to others, but never wrong.
        // SAFETY: the key was created, and is never deleted.
        unsafe { libc::pthread_setspecific(key, core::ptr::from_ref(cache).cast()) };
    }

    pub(super) fn key() -> Option<libc::pthread_key_t> {
        let known = KEY.load(Ordering::Acquire);
        if known != 0 {
            return Some((known - 1) as libc::pthread_key_t);
        }
        let mut key = 0;
        // SAFETY: the key is written before it is used; the destructor is a function of ours.
        if unsafe { libc::pthread_key_create(&raw mut key, Some(thread_ends)) } != 0 {
            return None;
        }
        match KEY.compare_exchange(0, key as usize + 1, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                fork::watch();
                Some(key)
            }
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

/// Forking: the child has one thread, and must find no lock held by those it lost.
mod fork {
    use core::cell::UnsafeCell;

    use super::{IDLE, Lock, mark, registry, thread_mark, values};
    use crate::geometry::AREA_SHIFT;

    /// Held from before a fork until after it. The C library may run the handlers of several threads
    /// at once, and those of a signal handler's fork in the midst of another's.
    static FORK: Lock<()> = Lock::new(());

    /// What the thread that holds [`FORK`] has taken besides.
    struct Taken {
        /// Heaps' locks: a bit for each window.
        heaps: [u64; 32],
        /// The lock of the idle caches, and that of the arena heaps.
        idle: bool,
        values: bool,
        /// Forks by signal handlers that interrupted the handlers of this one: they find taken what is
        /// to be taken, and leave it so.
        nested: usize,
    }

    struct Shared(UnsafeCell<Taken>);

    // SAFETY: only the thread that holds `FORK` touches it, and after a fork the child's only one.
    unsafe impl Sync for Shared {}

    static TAKEN: Shared =
        Shared(UnsafeCell::new(Taken { heaps: [0; 32], idle: false, values: false, nested: 0 }));

    pub(super) fn watch() {
        // SAFETY: the handlers are functions of ours.
        unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
    }

    fn window(heap: &crate::heap::Heap) -> usize {
        core::ptr::from_ref(heap).addr() >> AREA_SHIFT
    }

    unsafe extern "C" fn before() {
        let nested = !FORK.lock_for_fork(thread_mark());
        let taken = TAKEN.0.get();
        // SAFETY: this thread holds `FORK`. Through a pointer, since a signal may come at any time.
        unsafe {
            if nested {
                (*taken).nested += 1;
                return;
            }
            (*taken).idle = IDLE.lock_for_fork(thread_mark());
            (*taken).values = values::lock().lock_for_fork(mark());
            (*taken).heaps = [0; 32];
            for heap in registry::heaps(0).chain(registry::values()) {
                if heap.lock().lock_for_fork(mark()) {
                    (*taken).heaps[window(heap) / 64] |= 1 << (window(heap) % 64);
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
            for heap in registry::heaps(0).chain(registry::values()) {
                if (*taken).heaps[window(heap) / 64] & (1 << (window(heap) % 64)) != 0 {
                    heap.lock().unlock_forked();
                }
            }
            if (*taken).values {
                values::lock().unlock_forked();
            }
            if (*taken).idle {
                IDLE.unlock_forked();
            }
        }
        FORK.unlock_forked();
    }
}
