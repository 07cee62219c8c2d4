//! The most memory that the process may hold, where its user sets a limit.
//!
//! What counts is memory that may have pages behind it: blocks in use, free blocks that threads keep at
//! hand, free memory kept for the next use, and huge blocks. The allocator's own books don't: some 100 KiB
//! for a thread.
//!
//! An allocation beyond the limit is answered as if the system had no more memory, after what serves
//! nothing was given back, and after a [hook](set_hook) was asked. Once blocks are freed, allocations
//! succeed again.
//!
//! ```
//! use stratalloc_arena::{global, limit};
//!
//! limit::set(Some(limit::held() + (64 << 20)))?;
//! assert!(global::allocate(1 << 30, 8).is_null());
//! assert!(matches!(limit::allocate(1 << 30, 8), Err(limit::Refused::Limit(_))));
//! limit::set(None)?;
//! # Ok::<(), limit::Exceeded>(())
//! ```

use core::{
    ptr::{NonNull, null_mut},
    sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering},
};

use thiserror::Error;

use crate::{dirty, figures, global, thread, values};

/// No limit.
const NONE: usize = usize::MAX;

/// The limit in bytes. Set rarely, read anew by each request: `Relaxed`.
static LIMIT: AtomicUsize = AtomicUsize::new(NONE);

/// Bytes of requests that were admitted and aren't counted as held yet. `AcqRel` in [`admit`] pairs with
/// `Release` when an [`Admitted`] ends: who finds a request gone from here finds it among the bytes held.
static PENDING: AtomicUsize = AtomicUsize::new(0);

/// The hook, or null. `Release` in [`set_hook`] pairs with `Acquire` in [`ask_hook`].
static HOOK: AtomicPtr<()> = AtomicPtr::new(null_mut());
/// Whether the hook runs: it isn't called by what it calls, nor by two threads at once.
static HOOK_RUNS: AtomicBool = AtomicBool::new(false);

/// More memory than the limit grants.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{wanted} bytes beyond the {held} that are held exceed the limit of {limit}")]
pub struct Exceeded {
    /// Bytes asked for.
    pub wanted: usize,
    /// Bytes held.
    pub held: usize,
    /// The limit in bytes.
    pub limit: usize,
}

/// Why there is no block.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The process's limit doesn't grant it.
    #[error(transparent)]
    Limit(#[from] Exceeded),
    /// The system has no more memory, or never so large a block.
    #[error("the system grants no more memory")]
    System,
}

/// Sets the limit in bytes, or none.
///
/// # Errors
///
/// [`Exceeded`], with nothing wanted, if more is held already, also after a
/// [trim](global::trim); the limit stays as it was.
pub fn set(limit: Option<usize>) -> Result<(), Exceeded> {
    let limit = limit.unwrap_or(NONE);
    if limit != NONE {
        figures::tell_at_once();
    }
    if held() > limit {
        global::trim();
    }
    if held() > limit {
        return Err(Exceeded { wanted: 0, held: held(), limit });
    }
    LIMIT.store(limit, Ordering::Relaxed);
    Ok(())
}

/// The limit in bytes, if there is one.
pub fn get() -> Option<usize> {
    let limit = LIMIT.load(Ordering::Relaxed);
    (limit != NONE).then_some(limit)
}

/// The bytes that count. O(1) while there is a limit, else O(heaps): without one, heaps don't tell of every
/// byte.
pub fn held() -> usize {
    if get().is_none() {
        let mark = thread::mark();
        values::each_heap(mark, |heap| heap.pools(mark).figures.tell());
    }
    dirty::held()
}

/// Sets what is asked, or nothing, when the limit stands against a request of so many bytes and nothing
/// can be given back: it may free blocks, and says whether to try once more.
///
/// It runs on the thread that allocates, which holds no lock of the allocator; one call at a time, so that
/// requests of its own, and of other threads meanwhile, are refused without asking.
pub fn set_hook(hook: Option<fn(wanted: usize) -> bool>) {
    HOOK.store(hook.map_or(null_mut(), |hook| hook as *mut ()), Ordering::Release);
}

/// As [`global::allocate`], saying why there is no block.
pub fn allocate(size: usize, align: usize) -> Result<NonNull<u8>, Refused> {
    NonNull::new(global::allocate(size, align)).ok_or_else(|| match stands_against(size) {
        Some(exceeded) => Refused::Limit(exceeded),
        None => Refused::System,
    })
}

/// Whether the limit stands against so many bytes more.
pub(crate) fn stands_against(wanted: usize) -> Option<Exceeded> {
    let (limit, held) = (get()?, held());
    (wanted > limit.saturating_sub(held)).then_some(Exceeded { wanted, held, limit })
}

/// Bytes that may be allocated, until this ends and they are counted as held.
pub(crate) struct Admitted(usize);

/// Asks for leave to hold so many bytes more.
#[inline]
pub(crate) fn admit(bytes: usize) -> Option<Admitted> {
    let limit = LIMIT.load(Ordering::Relaxed);
    if limit == NONE { Some(Admitted(0)) } else { admit_below(limit, bytes) }
}

#[cold]
fn admit_below(limit: usize, bytes: usize) -> Option<Admitted> {
    let left = limit.saturating_sub(PENDING.fetch_add(bytes, Ordering::AcqRel));
    let admitted = Admitted(bytes);
    (bytes <= left.saturating_sub(held())).then_some(admitted)
}

/// Asks for leave to hold `count` blocks of `size` bytes, or at least one; says how many.
#[inline]
pub(crate) fn admit_blocks(count: usize, size: usize) -> Option<(Admitted, usize)> {
    let all = admit(count * size).map(|admitted| (admitted, count));
    all.or_else(|| Some((admit(size)?, 1)))
}

impl Drop for Admitted {
    #[inline]
    fn drop(&mut self) {
        if self.0 != 0 {
            PENDING.fetch_sub(self.0, Ordering::Release);
        }
    }
}

/// What may be kept beyond the bytes in use, as far as the limit is concerned: half of what it leaves, so
/// that the other half can be allocated without giving anything back first.
pub(crate) fn left_for_keeping(used: usize) -> usize {
    LIMIT.load(Ordering::Relaxed).saturating_sub(used) / 2
}

/// Asks the hook to make room for a request that the limit stands against; says whether to try again.
pub(crate) fn ask_hook(wanted: usize) -> bool {
    let hook = HOOK.load(Ordering::Acquire);
    if hook.is_null() || stands_against(wanted).is_none() || HOOK_RUNS.swap(true, Ordering::Acquire)
    {
        return false;
    }
    // SAFETY: the pointer is from a function of this type, in `set_hook`.
    let hook = unsafe { core::mem::transmute::<*mut (), fn(usize) -> bool>(hook) };
    let again = hook(wanted);
    HOOK_RUNS.store(false, Ordering::Release);
    again
}
