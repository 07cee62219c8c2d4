//! Watching threads while allocations are sampled: a thread's slot points at a watch in place of its cache.

use crate::{
    books::area::Area,
    cache::{Cache, slot, watch::Watch},
    plan::bins::Bin,
    process::{
        frees::{free_with, see_to},
        samples,
    },
};

/// The cache that the thread is to have, given the one that it has: if samples are taken and it isn't watched, or the
/// other way round, that changes.
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
    // Under the mark of the cache at which the slot points.
    let visit = cache.flush_outbox();
    see_to(cache, visit);
    let Some(watch) = cache.watched(interval) else { return cache };
    slot::set(watch.cache());
    watch.cache()
}

/// Gives the thread its own cache again, which is returned.
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
        // SAFETY: this function's contract is the same.
        return unsafe { free_with(cache, block) };
    };
    let home = watch.under().filter(|under| under.is_home_of(block));
    // SAFETY: `is_home_of` found the block in the area that the cache below is at home in.
    let bin = home.map_or(Bin::NONE, |_| unsafe { Area::bin_of(block) });
    if bin == Bin::NONE {
        // SAFETY: this function's contract is the same.
        return unsafe { free_with(cache, block) };
    }
    // SAFETY: by [AREA-2: tiles] the block lies in a slab of this bin, in an area of the watched cache's heap; it is given
    // up, by this function's contract.
    if let Some(visit) = unsafe { watch.free(cache.mark(), bin, block) } {
        see_to(cache, visit);
    }
}
