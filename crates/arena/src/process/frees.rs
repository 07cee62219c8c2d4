//! Frees on the slow path, which depend on a block's owner; and the work that visits to heaps leave.

use crate::{
    books::{
        area::Area,
        fenced::{self, For},
        guard,
        owner::Owner,
        poison, report,
        slab::BadFree,
        windows, zero_sized,
    },
    cache::{Cache, waiting::Waiting},
    heap::{Heap, Visit, huge},
    plan::bins::Bin,
    process::{
        arena_heaps, background, decay, gauges,
        home::Home,
        samples,
        whose::{Kind, check_start},
    },
    sys::lock::Mark,
};

/// Frees a small block in another heap's area that the cache knows; returns whether it is one. If not, nothing happened.
///
/// # Safety
///
/// As for [`free_with`].
#[inline(always)]
pub(crate) unsafe fn free_known(cache: &'static Cache, block: *mut u8) -> bool {
    let Some(bin) = cache.remote_bin(block) else { return false };
    // SAFETY: the block is live and given up, by this function's contract; it lies in a slab of this bin.
    unsafe {
        if cache.collect(bin, block) {
            poison::freed(bin, block);
        } else {
            free_in_turn(block, cache, bin);
        }
    }
    true
}

/// The same where a batch has to be begun or handed over, or the block may be free already.
///
/// # Safety
///
/// As for [`free_with`]; the block lies in a slab of the bin, in an area that the cache knows.
#[inline(never)]
unsafe fn free_in_turn(block: *mut u8, cache: &'static Cache, bin: Bin) {
    let Some(owner) = windows::thread_owner(block) else { return };
    // SAFETY: this function's contract is the same; [OUTBOX-1: known] the owner is another thread's heap.
    if let Some(visit) = unsafe { free_remote(cache, owner, bin, block) } {
        see_to(cache, visit);
    }
}

/// Frees a small block of another heap; the process ends with a report if it is one of the two that the thread freed last of
/// those.
///
/// # Safety
///
/// As for [`Cache::free_remote`].
#[inline(always)]
unsafe fn free_remote(cache: &Cache, owner: Owner, bin: Bin, block: *mut u8) -> Option<Visit> {
    if cache.collects(bin, block) {
        report::bad_free(bin, BadFree::Twice(block));
    }
    poison::freed(bin, block);
    // SAFETY: this function's contract is the same.
    unsafe { cache.free_remote(owner, bin, block) }
}

/// Frees a small block of the thread's own heap, wherever it lies, if its stack has room; returns whether it did. If not,
/// nothing happened.
///
/// # Safety
///
/// As for [`free_with`].
#[inline(always)]
pub(crate) unsafe fn free_own_at_hand(cache: &Cache, block: *mut u8) -> bool {
    windows::with_thread_owner(block, |owner| {
        // SAFETY: [WINDOWS-1: stay] the window announces an area of a thread's heap, which stays; by it and [AREA-2: tiles] the block
        // lies in a slab of this bin and owner, and it starts there; it is given up, by this function's contract.
        unsafe {
            let bin = Area::bin_of(block);
            // An address that isn't the start of a block is reported elsewhere: a call from here would cost each free.
            bin.shape_at(block).is_start(block)
                && cache.is_of(owner)
                && cache.push_freed(bin, block)
        }
    })
}

/// Frees a block of any kind, or no block, on behalf of the thread whose cache this is.
///
/// # Safety
///
/// `block` is null, or live and of this allocator.
#[inline(always)]
pub(crate) unsafe fn free_with(cache: &'static Cache, block: *mut u8) {
    // SAFETY: this function's contract is the same.
    if let Some(visit) = unsafe { free_once(cache, block) } {
        see_to(cache, visit);
    }
}

/// Frees a block of any kind, or no block, for a thread without a cache.
///
/// # Safety
///
/// As for [`free_with`].
pub(crate) unsafe fn free_without_cache(mark: Mark, block: *mut u8) {
    // SAFETY: the block is live, of this allocator, and given up, or null, by this function's contract.
    let visit = unsafe { free_at_once(mark, block, Kind::of(block)) };
    see_to_at_once(mark, visit);
}

/// Does the work that a visit to heaps left to the thread whose cache this is, which holds no lock: frees spent batches,
/// has other heaps give memory back if the process keeps too much, and looks for memory whose decay is over.
#[cold]
#[inline(never)]
pub(crate) fn see_to(cache: &'static Cache, mut visit: Visit) {
    let cache = cache.own();
    loop {
        while let Some(batch) = visit.spent.next() {
            // SAFETY: [OWNED_BATCH-1: own] a batch is a live block that nothing else uses.
            if let Some(more) = unsafe { free_once(cache, batch.into_block()) } {
                visit = more.and(visit);
            }
        }
        if visit.excess {
            arena_heaps::relieve_others(cache.mark());
        }
        let Some(spent) = decay::tick(cache.mark()) else { break };
        background::start_if_wanted::<Frees>();
        visit = Visit::new(spent, false);
    }
    if guard::PARANOID {
        free_older(cache);
    }
    gauges::tick(cache);
}

/// Frees what has waited in the quarantine of the thread whose own cache this is since before the last look of the decay, if
/// there was one since it last came here.
#[inline]
fn free_older(cache: &'static Cache) {
    let Some(quarantine) = cache.known_quarantine() else { return };
    let Some(newest) = quarantine.look(decay::last_look()) else { return };
    while let Some(waiting) = quarantine.pop_older(newest) {
        release(cache, waiting);
    }
}

/// Frees a block that is in no quarantine any more, on behalf of the thread whose own cache this is. The process ends with a
/// report if it was written to meanwhile.
pub(crate) fn release(cache: &'static Cache, Waiting { block, bin }: Waiting) {
    guard::check_clear(bin, block);
    // SAFETY: [QUARANTINE-2: free] the block lies in a slab of the bin of a thread's heap, and nobody uses it. If the cache is
    // at home there, that is its heap.
    unsafe {
        if !(cache.is_home_of(block) && cache.push(bin, block)) {
            free_with(cache, block);
        }
    }
}

/// What the thread in the background does: it frees what the decay finds, as a thread without a cache.
pub(crate) struct Frees;

impl background::Handler for Frees {
    fn wake(mark: Mark) {
        if let Some(spent) = decay::tick(mark) {
            see_to_at_once(mark, Visit::new(spent, false));
        }
    }
}

/// Does the same as [`see_to`] for a thread without a cache: every batch is freed under the lock of its heap.
pub(crate) fn see_to_at_once(mark: Mark, visit: Visit) {
    let mut excess = visit.excess;
    for batch in visit.spent {
        let block = batch.into_block();
        // SAFETY: [OWNED_BATCH-1: own] a batch is a live block that nothing else uses.
        let freed = unsafe { free_at_once(mark, block, Kind::of(block)) };
        excess |= freed.excess;
    }
    if excess {
        arena_heaps::relieve_others(mark);
    }
}

/// Frees a block of any kind, or no block; returns the work that visits to heaps leave.
///
/// # Safety
///
/// As for [`free_with`].
#[inline(always)]
unsafe fn free_once(cache: &Cache, block: *mut u8) -> Option<Visit> {
    // SAFETY: the block is null, or live and of this allocator, by this function's contract.
    let kind = unsafe { Kind::of(block) };
    let Kind::Small { heap, bin } = kind else {
        // SAFETY: it is of this kind, and given up, by this function's contract.
        return Some(unsafe { free_at_once(cache.mark(), block, kind) });
    };
    check_start(bin, block);
    // SAFETY: by its kind it lies in a slab of this bin and heap, which is a thread's; it is given up, by this function's
    // contract.
    unsafe {
        if cache.is_of(heap.owner()) {
            return cache.free_local(cache.mark(), bin, block);
        }
        free_remote(cache, heap.owner(), bin, block)
    }
}

/// Frees a block of this kind under the lock of its heap.
///
/// # Safety
///
/// It is of this kind, and not used any more.
#[cold]
#[inline(never)]
unsafe fn free_at_once(mark: Mark, block: *mut u8, kind: Kind) -> Visit {
    match kind {
        Kind::Null => Visit::NONE,
        Kind::Small { heap, bin } | Kind::OfValue { heap, bin } => {
            forget_sample(heap, block);
            poison::freed(bin, block);
            // SAFETY: by its kind it lies in a slab of this bin and heap; it is given up, by this function's contract.
            unsafe { end_if_last(heap.owner(), heap.free_alone(mark, bin, block)) }
        }
        Kind::Large { heap } => {
            forget_sample(heap, block);
            // SAFETY: by its kind it lies in an area of this heap.
            unsafe { end_if_last(heap.owner(), heap.free_large(mark, block)) }
        }
        Kind::Huge { start, size } => {
            samples::forget_elsewhere(block);
            // SAFETY: by its kind it is a huge block of this size; it is given up, by this function's contract.
            unsafe { huge::free(start, size) };
            Visit::NONE
        }
        Kind::ZeroSized => {
            zero_sized::free(block);
            Visit::NONE
        }
        Kind::Fenced => {
            fenced::check_held(block, For::Free);
            samples::forget_elsewhere(block);
            fenced::free(block);
            Visit::NONE
        }
    }
}

/// Ends an arena heap that nobody held any more, if a visit gave its last block back; returns the visit.
///
/// # Safety
///
/// The visit was to this heap, which the caller doesn't touch any more.
unsafe fn end_if_last(heap: Owner, visit: Visit) -> Visit {
    if visit.last {
        // SAFETY: it is over, which only the visit that ended it was told: it is this thread's alone, and was created by
        // `arena_heaps`, whose heaps alone are abandoned.
        unsafe { arena_heaps::end(Home::around(heap)) };
    }
    visit
}

/// Forgets a block of a heap if it may be a sample. Before it is free: it may be another sample then.
fn forget_sample(heap: &Heap, block: *mut u8) {
    if samples::lie_in(heap) {
        samples::forget(block);
    }
}
