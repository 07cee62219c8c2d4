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

use core::ptr::NonNull;

use thiserror::Error;

use crate::{
    face::global,
    policy::{
        admission::Balance,
        grant::{self, ACCOUNT},
    },
    process::hook,
};

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
    grant::limit()
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
pub fn set_hook(asked: Option<fn(wanted: usize) -> bool>) {
    hook::set(asked);
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
