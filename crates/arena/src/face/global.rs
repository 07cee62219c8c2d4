//! The process-wide allocator: every thread uses the heap in which it is at home.
//!
//! ```text
//! allocate ── pop of the bin's stack ........................ fast
//!   └ allocate_slow ── refill of the stack from the heap
//!       ├ large block ── run of segments / whole arenas
//!       └ huge block ── windows of its own
//! deallocate ── push on the bin's stack ..................... fast
//!   └ deallocate_slow ── stack full: half of it to the heap
//!       ├ other area of this heap ── push
//!       ├ other heap ── batch, handed over when full
//!       └ large, huge, foreign
//! ```

mod allocation;
mod guarded;
mod large;
mod object_size;
mod reallocation;
mod tagged;

use core::ptr::null_mut;

use crate::{
    books::{guard, keys},
    cache::{Cache, slot},
    face::global::allocation::{allocate_large, allocate_slow},
    heap::large::Outlook,
    inspect::stats::Stats,
    plan::bins::bin_for,
    process::{
        frees::{free_known, free_own_at_hand, free_with, free_without_cache},
        relief, thread, watching,
        whose::Kind,
    },
    sys::mark,
    thresholds::{KEYED, LEAVES_KEYS},
};

pub use crate::face::global::{
    object_size::{object_size, object_size_in_slab},
    reallocation::{reallocate, reallocate_c, reallocate_sized},
};

/// The alignment that C expects of every block.
const C_ALIGN: usize = 16;

/// Allocates `size` bytes at `align`, a power of two; null if memory is out. Size 0 is served as 1; in the hardened build, by
/// an address that can't be read or written.
///
/// Two table look-ups and a pop where the thread has a block of the class.
///
/// ```
/// use stratalloc_arena::global;
/// let block = global::allocate(100, 8);
/// assert!(!block.is_null());
/// // SAFETY: just allocated.
/// unsafe { global::deallocate(block) };
/// ```
#[inline(always)]
pub fn allocate(size: usize, align: usize) -> *mut u8 {
    let block = allocate_cached(size, align);
    if block.is_null() { allocate_slow(size, align) } else { block }
}

/// The fast path of [`allocate`] alone, for callers with a slow path of their own: a block if the
/// thread has one of the class at hand; else null, and nothing happened.
#[inline(always)]
pub fn allocate_cached(size: usize, align: usize) -> *mut u8 {
    if guard::KNOWS_HELD {
        return guarded::allocate_cached(size, align);
    }
    bin_for(size, align).map_or(null_mut(), |bin| slot::cache().pop(bin))
}

/// As [`allocate_cached`] at the alignment of C's blocks, whatever is left in the block by a free of it. Small blocks alone are
/// written to for that.
#[inline(always)]
pub fn allocate_cached_c(size: usize) -> *mut u8 {
    if !guard::KNOWS_HELD && size <= KEYED {
        return slot::cache().pop_small_c(size);
    }
    allocate_cached(size, C_ALIGN)
}

/// As [`allocate`], with every byte zero.
#[inline]
pub fn allocate_zeroed(size: usize, align: usize) -> *mut u8 {
    let served = size.max(1);
    if bin_for(served, align).is_none() {
        return allocate_large(served, align, Outlook::Sparse);
    }
    let block = allocate(size, align);
    if !block.is_null() {
        // SAFETY: `size` bytes, just allocated.
        unsafe { block.write_bytes(0, size) };
    }
    block
}

/// Allocates as C's `malloc`: at 16, whatever the size.
#[inline(always)]
pub fn allocate_c(size: usize) -> *mut u8 {
    let block = allocate_cached_c(size);
    if block.is_null() { allocate_slow(size, C_ALIGN) } else { block }
}

/// Allocates as C's `aligned_alloc`, for a caller that frees the block as C does.
#[inline]
pub fn allocate_aligned_c(size: usize, align: usize) -> *mut u8 {
    if align <= C_ALIGN {
        return allocate_c(size);
    }
    let block = allocate_cached(size, align);
    if block.is_null() {
        return allocate_slow(size, align);
    }
    if LEAVES_KEYS && size <= KEYED {
        // SAFETY: the block was free in a slab, so that it has a word at least, and is the caller's now.
        unsafe { keys::leave(block, 0) };
    }
    block
}

/// As [`allocate_c`], with every byte zero.
#[inline]
pub fn allocate_zeroed_c(size: usize) -> *mut u8 {
    allocate_zeroed(size, C_ALIGN)
}

/// Frees a block; null is no block, and nothing happens.
///
/// # Safety
///
/// `block` is null, or live and of this allocator. (Another address is reported and ends the process, where it can be
/// told.)
#[inline(always)]
pub unsafe fn deallocate(block: *mut u8) {
    // SAFETY: the block is null, or live and of this allocator, by this function's contract; all are aligned to 8.
    unsafe { deallocate_aligned::<8>(block) }
}

/// As [`deallocate`], for blocks of [`allocate_c`] or another alignment of 16 at least: an address that isn't so aligned
/// is no block, and is reported.
///
/// # Safety
///
/// As for [`deallocate`], and the block's alignment was 16 or more.
#[inline(always)]
pub unsafe fn deallocate_c(block: *mut u8) {
    // SAFETY: the block is null, or live, of this allocator and aligned to 16, by this function's contract.
    unsafe { deallocate_aligned::<C_ALIGN>(block) }
}

/// As [`deallocate_c`], for a block that was allocated, or reallocated last, with `size` and `align`: the hardened build
/// reports another size.
///
/// # Safety
///
/// As for [`deallocate_c`].
#[inline(always)]
pub unsafe fn deallocate_c_sized(block: *mut u8, size: usize, align: usize) {
    // SAFETY: the block is null or live and aligned as C's blocks are, by this function's contract.
    unsafe {
        if guard::ON { guarded::deallocate_with(block, size, align) } else { deallocate_c(block) }
    }
}

/// Frees a block, or null.
///
/// # Safety
///
/// As for [`deallocate`]; the block is aligned to `ALIGN`.
#[inline(always)]
unsafe fn deallocate_aligned<const ALIGN: usize>(block: *mut u8) {
    if guard::KNOWS_HELD {
        // SAFETY: this function's contract is the same.
        return unsafe { guarded::deallocate::<ALIGN>(block) };
    }
    let cache = slot::cache();
    match cache.bin_of::<1>(block).filter(|&bin| cache.may_start(bin, block)) {
        // SAFETY: the block is given up, by this function's contract; by [AREA-2: tiles] it lies in a slab of this bin, in
        // the area that the cache is at home in.
        Some(bin) if unsafe { cache.push_at_home(bin, block) } => {}
        // SAFETY: this function's contract is at least that of `deallocate`.
        _ => unsafe { deallocate_slow(block, cache) },
    }
}

/// Frees a block of known layout: the one that it was allocated with.
///
/// # Safety
///
/// `block` is live, and was allocated, or reallocated last, with `size` and `align`.
#[inline(always)]
pub unsafe fn deallocate_sized(block: *mut u8, size: usize, align: usize) {
    if guard::KNOWS_HELD {
        // SAFETY: the block is live and of this allocator, by this function's contract.
        return unsafe { guarded::deallocate_with(block, size, align) };
    }
    let cache = slot::cache();
    let is_home = cache.is_home_of(block);
    match bin_for(size, align) {
        // SAFETY: the block was allocated with this layout, so in a slab of this bin, and is given up, by this function's
        // contract; the area is the one that the cache is at home in.
        Some(bin) if is_home && unsafe { cache.push_unless_newest(bin, block) } => {}
        // SAFETY: the block is live and of this allocator, by this function's contract.
        _ => unsafe { deallocate_slow(block, cache) },
    }
}

/// Frees a block, or null, on the slow path of the thread whose cache this is: it has it at hand.
///
/// # Safety
///
/// As for [`deallocate`].
#[cold]
#[inline(never)]
unsafe fn deallocate_slow(block: *mut u8, cache: &'static Cache) {
    // SAFETY: this function's contract is the same.
    unsafe {
        if LEAVES_KEYS && cache.push_unkeyed(block) {
            return;
        }
        if !free_known(cache, block) {
            deallocate_own(block, cache);
        }
    }
}

/// Frees a block, or null, that isn't in an area that the cache knows: of the thread's own heap, it may lie in another area
/// than the cache, or be free already. A function of its own, since what it calls would cost the frees of others' blocks.
///
/// # Safety
///
/// As for [`deallocate`].
#[inline(never)]
unsafe fn deallocate_own(block: *mut u8, cache: &'static Cache) {
    // Programs in C free nothing about as often as something.
    if block.is_null() {
        return;
    }
    // SAFETY: this function's contract is the same.
    unsafe {
        let is_freed = match cache.watch() {
            None => free_own_at_hand(cache, block),
            Some(watch) => watch.free_at_home(block),
        };
        if !is_freed {
            deallocate_anywhere(block);
        }
    }
}

/// Frees a block of any heap, or null.
///
/// # Safety
///
/// As for [`deallocate`].
#[inline(never)]
unsafe fn deallocate_anywhere(block: *mut u8) {
    // SAFETY: this function's contract is the same.
    unsafe {
        match thread::attached() {
            Some(cache) => match cache.watch() {
                Some(watch) => watching::free(watch, block),
                None => free_with(cache, block),
            },
            None => free_without_cache(mark::of_thread(), block),
        }
    }
}

/// The usable bytes of a block: at least those asked for.
///
/// # Safety
///
/// `block` is live.
pub unsafe fn usable_size(block: *mut u8) -> usize {
    // SAFETY: the block is live, by this function's contract.
    unsafe { size_at_home(block).unwrap_or_else(|| Kind::in_use(block).size(block)) }
}

/// The bytes of a block that surely lies in a slab where the thread is at home, and isn't free; `None` of any other, and where
/// more is known of blocks.
///
/// # Safety
///
/// `block` is live.
#[inline(always)]
unsafe fn size_at_home(block: *mut u8) -> Option<usize> {
    let cache = slot::cache();
    let bin = if guard::KNOWS_HELD { None } else { cache.bin_of::<8>(block) }?;
    // SAFETY: a block starts there.
    let is_sure = bin.shape_at(block).is_start(block) && !unsafe { cache.may_have(bin, block) };
    is_sure.then(|| bin.shape().block_size as usize)
}

/// Counts the memory that the allocator holds, and the part of it in use.
///
/// O(segments in use) of all heaps, one heap after another under its lock. At other times nothing is counted for it.
///
/// ```
/// use stratalloc_arena::global;
/// let block = global::allocate(5 << 30, 8);
/// assert!(block.is_null() || global::stats().huge >= 5 << 30);
/// // SAFETY: just allocated, or null.
/// unsafe { global::deallocate(block) };
/// ```
pub fn stats() -> Stats {
    crate::inspect::stats::count()
}

/// Ends the process with a report if the calling thread freed a block twice, or an address that is no block, and that
/// went unnoticed so far. For the end of a process.
///
/// O(blocks in the thread's cache).
pub fn check_frees() {
    slot::cache().check();
}

/// Gives back all memory that serves nothing: of every heap, and of this thread's cache. Returns the bytes given back, at
/// most.
///
/// O(memory of all heaps); other threads wait for their heap's turn at most.
pub fn trim() -> usize {
    relief::trim()
}
