//! How a thread comes to be watched while allocations are sampled, and how that ends: its slot points at what
//! counts, in place of its cache.

use crate::{
    books::area::Area,
    cache::{Cache, slot, watch::Watch},
    plan::bins::Bin,
    process::{
        frees::{free_with, see_to},
        samples,
    },
};

/// The cache that the thread is to have, given the one that it has: if samples are to be taken and it isn't
/// watched, or the other way round, that changes.
#[inline(always)]
pub(crate) fn current(cache: &'static Cache) -> &'static Cache {
    if samples::interval() == cache.interval() { cache } else { change(cache) }
}

#[cold]
#[inline(never)]
fn change(cache: &'static Cache) -> &'static Cache {
    let cache = leave(cache);
    let interval = samples::interval();
    if interval == 0 {
        return cache;
    }
    // By the mark of the cache that the slot points at.
    let visit = cache.flush_outbox();
    see_to(cache, visit);
    let Some(watch) = cache.watched(interval) else { return cache };
    slot::set(watch.cache());
    watch.cache()
}

/// Lets the thread have its own cache again, which is returned.
pub(crate) fn leave(cache: &'static Cache) -> &'static Cache {
    let Some(watch) = cache.watch() else { return cache };
    let Some(under) = watch.under() else { return cache };
    let visit = watch.close(cache.mark());
    slot::set(under);
    see_to(under, visit);
    under
}

/// Frees a block on behalf of a thread that is watched.
///
/// # Safety
///
/// As for [`free_with`].
#[cold]
#[inline(never)]
pub(crate) unsafe fn free(watch: &'static Watch, block: *mut u8) {
    let cache = current(watch.cache());
    let Some(watch) = cache.watch() else {
        // SAFETY: the caller's promise.
        return unsafe { free_with(cache, block) };
    };
    let home = watch.under().filter(|under| under.is_home_of(block));
    // SAFETY: the block lies in the area that the cache below is at home in.
    let bin = home.map_or(Bin::NONE, |_| unsafe { Area::bin_of(block) });
    if bin == Bin::NONE {
        // SAFETY: the caller's promise.
        return unsafe { free_with(cache, block) };
    }
    if let Some(visit) = watch.free(cache.mark(), bin, block) {
        see_to(cache, visit);
    }
}
