//! Watching threads while allocations are sampled or fenced, or count under a tag: a thread's slot points at a watch in place of its
//! cache.

use crate::{
    books::area::Area,
    cache::{
        Cache, slot,
        watch::{Stay, Watch},
    },
    plan::bins::Bin,
    policy::sampling::Rates,
    process::{
        frees::{free_with, see_to},
        samples,
        whose::check_start,
    },
};

/// The cache that the thread is to have, given the one that it has: if blocks are taken aside and it isn't watched, or the
/// other way round, that changes.
#[inline(always)]
pub(crate) fn current(cache: &'static Cache) -> &'static Cache {
    if samples::rates() == cache.rates() { cache } else { change(cache) }
}

#[cold]
#[inline(never)]
fn change(cache: &'static Cache) -> &'static Cache {
    let (cache, stay) = pause(cache);
    resume(cache, stay)
}

/// Has a watch stand in place of a thread's own cache; `None` if memory is out.
pub(super) fn begin(cache: &'static Cache, rates: Rates) -> Option<&'static Watch> {
    let watch = cache.watched(rates)?;
    slot::set(watch.cache());
    Some(watch)
}

/// Gives the thread its own cache for a while, which is returned with its stay in tags.
pub(super) fn pause(cache: &'static Cache) -> (&'static Cache, Stay) {
    let stay = cache.watch().map(Watch::stay).unwrap_or_default();
    (leave(cache), stay)
}

/// Has a thread that has its own cache be watched, if blocks are taken aside or it stays in a tag; returns the cache that it
/// has then.
pub(super) fn resume(cache: &'static Cache, stay: Stay) -> &'static Cache {
    let rates = samples::rates();
    if rates == Rates::NONE && !stay.goes_on() {
        return cache;
    }
    let Some(watch) = begin(cache, rates) else { return cache };
    watch.resume(stay);
    watch.cache()
}

/// Gives the thread its own cache again, which is returned. It is in no tag then.
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
    let own = cache.own();
    // SAFETY: `is_home_of` found the block in the area that the cache below is at home in.
    let bin = if own.is_home_of(block) { unsafe { Area::bin_of(block) } } else { Bin::NONE };
    if bin == Bin::NONE {
        // With the thread's own outbox.
        // SAFETY: this function's contract is the same.
        return unsafe { free_with(own, block) };
    }
    check_start(bin, block);
    // SAFETY: by [AREA-2: tiles] the block lies in a slab of this bin, and a block starts there, in an area of the watched cache's heap; it is given
    // up, by this function's contract.
    if let Some(visit) = unsafe { watch.free(cache.mark(), bin, block) } {
        see_to(own, visit);
    }
}
