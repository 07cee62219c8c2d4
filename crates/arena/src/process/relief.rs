//! Relief: the ways to make room before a request is refused.

use core::ptr::null_mut;

use crate::{
    books::guard,
    cache::slot,
    heap::{Visit, large::MAX_IN_ARENAS},
    plan::bins::Bin,
    policy::grant,
    process::{arena_heaps, frees::see_to, heaps, hook, quarantine, thread, watching},
    sys::spares,
};

/// Attempts an allocation, and again after making room if memory is out; not for sizes beyond all reason.
#[inline(always)]
pub(crate) fn with_relief<T>(size: usize, attempt: impl Fn() -> Option<T>) -> Option<T> {
    let first = attempt();
    if first.is_some() { first } else { try_again(size, attempt) }
}

#[cold]
fn try_again<T>(size: usize, attempt: impl Fn() -> Option<T>) -> Option<T> {
    let within_reason = size <= MAX_IN_ARENAS.max(grant::limit().unwrap_or(0));
    if within_reason {
        relieve();
        let found = attempt();
        if found.is_some() {
            return found;
        }
        // The process may have all the mappings that it may have.
        while spares::give_up() {
            let found = attempt();
            if found.is_some() {
                return found;
            }
        }
    }
    if !hook::ask(size) {
        return None;
    }
    let found = attempt();
    if found.is_some() || !within_reason {
        return found;
    }
    // What the program freed is kept, and counts against a limit.
    relieve();
    attempt()
}

/// A block of a bin from another heap, where the calling thread's has no memory; null if none has.
pub(crate) fn from_others(bin: Bin) -> *mut u8 {
    let mark = slot::mark();
    let mut blocks = heaps::of_threads(0).map(|heap| heap.allocate_alone(mark, bin));
    blocks.find(|block| !block.is_null()).unwrap_or(null_mut())
}

/// Makes room: gives back memory that serves nothing, so that memory of one size can serve another. Unless a limit of
/// this allocator stands in the way, it is unmapped too, for a limit of the system.
fn relieve() {
    if trim() > 0 && grant::limit().is_some() {
        return;
    }
    let mark = slot::mark();
    arena_heaps::each_heap(mark, |heap| {
        heap.pools(mark).decommit();
    });
}

/// Gives back all memory that serves nothing: of every heap, and of this thread's cache. Returns the bytes given back, at
/// most.
pub(crate) fn trim() -> usize {
    let Some((cache, stay)) = thread::attached().map(watching::pause) else { return 0 };
    let mark = cache.mark();
    if guard::PARANOID {
        quarantine::empty(cache);
    }
    see_to(cache, cache.flush(mark));
    let mut given = 0;
    for heap in heaps::of_threads(0) {
        let (bytes, spent) = heap.trim(mark);
        given += bytes;
        see_to(cache, Visit::new(spent, false));
    }
    thread::purge_idle_caches();
    given += arena_heaps::trim(mark);
    watching::resume(cache, stay);
    given
}
