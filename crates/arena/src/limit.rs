//! The most memory that the process may hold, where its user sets a limit.
//!
//! What counts is memory that may have pages behind it: blocks in use, free blocks that threads keep at
//! hand, free memory kept for the next use, and huge blocks. The allocator's own books don't: some 100 KiB
//! for a thread.
//!
//! It is counted as it is granted, in granules of 64 KiB: each heap (a thread's, or an
//! [`ArenaHeap`](crate::ArenaHeap)) is granted what it needs before it holds more, and has up to 128 KiB
//! beyond that. So what is held is never more than what is granted, and that is never more than the limit, but for
//! freed memory that the system refuses to take back. An allocation that is refused changes nothing, at no moment.
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
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
};

use thiserror::Error;

use crate::{admission::Balance, global, grant::ACCOUNT, thread};

/// The hook, or null. `Release` in [`set_hook`] pairs with `Acquire` in [`ask_hook`].
static HOOK: AtomicPtr<()> = AtomicPtr::new(null_mut());
/// The mark of the thread that runs the hook, or zero: it isn't called by what it calls, nor by two threads at
/// once. `Acquire` where it is set pairs with `Release` where it is cleared.
static HOOK_RUNS_IN: AtomicUsize = AtomicUsize::new(0);

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

/// Sets the limit in bytes, or none. It counts in granules of 64 KiB, rounded down.
///
/// # Errors
///
/// [`Exceeded`], with nothing wanted, if more is held already, also after a
/// [trim](global::trim); the limit stays as it was.
pub fn set(limit: Option<usize>) -> Result<(), Exceeded> {
    if ACCOUNT.set_limit(limit).is_ok() {
        return Ok(());
    }
    global::trim();
    ACCOUNT.set_limit(limit).map_err(|balance| Exceeded {
        wanted: 0,
        held: balance.granted(),
        limit: limit.unwrap_or(usize::MAX),
    })
}

/// The limit in bytes, if there is one.
pub fn get() -> Option<usize> {
    ACCOUNT.balance().limit()
}

/// The bytes that count. O(1).
pub fn held() -> usize {
    ACCOUNT.balance().granted()
}

/// Sets what is asked, or nothing, when the limit stands against a request of so many bytes and nothing
/// can be given back: it may free blocks, and says whether to try once more.
///
/// It runs on the thread that allocates, which holds no lock of the allocator; one call at a time, so that
/// requests of its own, and of other threads meanwhile, are refused without asking. If it panics, the process
/// aborts: an allocation can't.
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
    let balance: Balance = ACCOUNT.balance();
    let limit = balance.limit()?;
    (!balance.leaves(wanted)).then_some(Exceeded { wanted, held: balance.granted(), limit })
}

/// What may be kept beyond the bytes in use, as far as the limit is concerned: half of what it leaves, so
/// that the other half can be allocated without giving anything back first.
pub(crate) fn left_for_keeping(used: usize) -> usize {
    get().map_or(usize::MAX, |limit| limit.saturating_sub(used) / 2)
}

/// Asks the hook to make room for a request that the limit stands against; says whether to try again.
pub(crate) fn ask_hook(wanted: usize) -> bool {
    let hook = HOOK.load(Ordering::Acquire);
    if hook.is_null() || stands_against(wanted).is_none() || !start_hook() {
        return false;
    }
    // SAFETY: the pointer is from `set_hook`.
    let again = unsafe { call_hook(hook, wanted) };
    HOOK_RUNS_IN.store(0, Ordering::Release);
    again
}

fn start_hook() -> bool {
    let (order, mark) = (Ordering::Acquire, thread::mark());
    HOOK_RUNS_IN.compare_exchange(0, mark, order, Ordering::Relaxed).is_ok()
}

/// Calls the hook. By C's rules, so that a panic ends here, and the process with it.
///
/// # Safety
///
/// The hook is from [`set_hook`], and not null.
unsafe extern "C" fn call_hook(hook: *mut (), wanted: usize) -> bool {
    // SAFETY: the caller's promise: the pointer is of a function of this type.
    let hook = unsafe { core::mem::transmute::<*mut (), fn(usize) -> bool>(hook) };
    hook(wanted)
}

/// For the only thread of a forked process, which doesn't run another's hook.
pub(crate) fn forget_lost_hook() {
    if HOOK_RUNS_IN.load(Ordering::Relaxed) != thread::mark() {
        HOOK_RUNS_IN.store(0, Ordering::Relaxed);
    }
}
