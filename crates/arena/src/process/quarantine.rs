//! Freed blocks that wait, in the paranoid build: what adds them to the quarantine of their thread.

use crate::{
    books::guard,
    cache::{Cache, quarantine::Quarantine, waiting::Waiting},
    plan::bins::Bin,
    process::frees::{free_with, release},
    thresholds::QUARANTINE_SHELF,
};

/// Has a block wait that was taken back and cleared, and frees those that waited long enough; without a quarantine, it is
/// freed at once. The calling thread's own cache is this.
///
/// # Safety
///
/// The block lies in a slab of the bin of a thread's heap, and nobody uses it any more.
#[inline(never)]
pub(crate) unsafe fn wait(cache: &'static Cache, bin: Bin, block: *mut u8) {
    let Some(quarantine) = cache.quarantine() else {
        // SAFETY: this function's contract is at least the same.
        return unsafe { free_with(cache, block) };
    };
    look_at_latest(quarantine);
    quarantine.add(Waiting { block, bin }, cache.random.below(QUARANTINE_SHELF));
    while let Some(waiting) = quarantine.pop_excess() {
        release(cache, waiting);
    }
}

/// Frees all that wait on behalf of the calling thread, whose own cache this is.
pub(crate) fn empty(cache: &'static Cache) {
    let Some(quarantine) = cache.known_quarantine() else { return };
    while let Some(waiting) = quarantine.pop() {
        release(cache, waiting);
    }
}

/// Looks at the block that the calling thread freed last, and once at that which it got last, since most wrong writes come soon.
/// Its own cache is this. The process ends with a report if the former was written to meanwhile, or what lies around the
/// latter.
#[inline(always)]
pub(crate) fn look_back(cache: &Cache) {
    if let Some(quarantine) = cache.known_quarantine() {
        look_at_latest(quarantine);
        if let Some(got) = quarantine.take_got() {
            look_around(cache, got);
        }
    }
}

/// Notes the block of a bin that the calling thread got, whose own cache is this.
#[inline(always)]
pub(crate) fn note(cache: &Cache, bin: Bin, block: *mut u8) {
    if let Some(quarantine) = cache.quarantine() {
        quarantine.note_got(bin, block);
    }
}

/// Ends the process with a report if a block of the thread's heap is broken, or one beside it. It looks at none that the
/// program freed meanwhile, or while another thread works on the heap.
fn look_around(cache: &Cache, Waiting { block, bin }: Waiting) {
    if !guard::is_held(bin, block) {
        return;
    }
    let pools = cache.heap().and_then(|heap| heap.lock().try_lock(cache.mark()));
    let Some(mut pools) = pools.filter(|pools| pools.has(block)) else { return };
    // SAFETY: `has` found the address in an area of this heap.
    if unsafe { pools.is_out(block, bin) } {
        // SAFETY: it lies in a slab of the bin, which stays while the lock is held and the program holds the block.
        unsafe { guard::check_around(bin, block) };
    }
}

#[inline(always)]
fn look_at_latest(quarantine: &Quarantine) {
    if let Some(Waiting { block, bin }) = quarantine.latest() {
        guard::check_clear(bin, block);
    }
}
