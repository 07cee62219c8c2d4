//! The limit: the most memory that the process may hold, where its user sets one.
//!
//! Memory that may have pages behind it counts: blocks in use, free blocks in the stocks of threads, free memory kept for
//! the next use, and huge blocks. The allocator's own books don't count: some 100 KiB for a thread.
//!
//! It is counted as it is granted, in granules of 64 KiB: each heap (a thread's, or an [`ArenaHeap`](crate::ArenaHeap))
//! is granted the bytes that it needs before it holds more, and has up to 128 KiB beyond these. So no more is held than
//! granted, and no more is granted than the limit, except for freed memory that the system refuses to take back. A
//! refused allocation changes nothing, at no moment.
//!
//! An allocation beyond the limit first has memory given back that serves nothing, then calls a [hook](set_hook), and
//! then fails as if the system had no more memory. Once blocks are freed, allocations succeed again.
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
    cache::slot,
    face::global,
    heap::large::PAGE,
    plan::bins::bin_for,
    policy::{
        admission::Balance,
        grant::{self, ACCOUNT},
    },
    process::{hook, tags},
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
    /// The limit of the [`ArenaHeap`](crate::ArenaHeap) itself doesn't grant it.
    #[error("of the heap's own memory, {0}")]
    Heap(Exceeded),
    /// The limit of the [tag](crate::tag) that the thread is in doesn't grant it.
    #[error("of the tag's memory, {0}")]
    Tag(Exceeded),
    /// The system has no more memory, or never so large a block.
    #[error("the system grants no more memory")]
    System,
}

/// Sets the limit in bytes, or none. It counts in granules of 64 KiB, rounded down.
///
/// # Errors
///
/// [`Exceeded`], with zero `wanted`, if more is held already, also after a [trim](global::trim); the limit stays as it
/// was.
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

/// Sets the hook, or none: it is called where the limit stands against a request of so many bytes and no memory can be
/// given back. It may free blocks, and returns whether to try once more.
///
/// It runs on the thread that allocates, which holds no lock of the allocator. There is one call at a time: requests of
/// its own, and of other threads meanwhile, are refused without a call. If it panics, the process aborts, since an
/// allocation can't panic.
pub fn set_hook(asked: Option<fn(wanted: usize) -> bool>) {
    hook::set(asked);
}

/// As [`global::allocate`], with an error that names the reason.
pub fn allocate(size: usize, align: usize) -> Result<NonNull<u8>, Refused> {
    NonNull::new(global::allocate(size, align)).ok_or_else(|| reason(size, align))
}

/// What stood against a request.
#[cold]
fn reason(size: usize, align: usize) -> Refused {
    let tag = tags::of_thread().and_then(|tag| {
        tag.heap().pools(slot::mark()).stand_against(counted(size, align)).map(|balance| {
            let (held, limit) = balance;
            Refused::Tag(Exceeded { wanted: size, held, limit })
        })
    });
    tag.unwrap_or_else(|| stands_against(size).map_or(Refused::System, Refused::Limit))
}

/// The bytes that count for a request.
pub(in crate::face) fn counted(size: usize, align: usize) -> usize {
    match bin_for(size.max(1), align) {
        Some(bin) => bin.shape().block_size as usize,
        None => size.checked_next_multiple_of(PAGE).unwrap_or(usize::MAX),
    }
}

/// The error, if the limit stands against so many bytes more.
pub(crate) fn stands_against(wanted: usize) -> Option<Exceeded> {
    let balance: Balance = ACCOUNT.balance();
    let limit = balance.limit()?;
    (!balance.leaves(wanted)).then_some(Exceeded { wanted, held: balance.granted(), limit })
}
