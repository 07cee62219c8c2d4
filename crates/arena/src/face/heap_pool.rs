//! Pools of arena heaps: no more requests at a time than there is memory for.

use core::{
    ops::Deref,
    sync::atomic::{AtomicUsize, Ordering},
};

use stratalloc_core::AllocError;
use thiserror::Error;

use crate::face::ArenaHeap;

/// Why a pool has no heap to give.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoHeap {
    /// As many are taken as there may be.
    #[error("all {0} heaps are in use")]
    AllInUse(usize),
    /// The process has no memory for another one, or as many arena heaps as it may have.
    #[error("no memory for another heap")]
    Memory(#[from] AllocError),
}

/// A bounded number of arena heaps, each for a request that takes one and gives it back: a request beyond them is told, so
/// that it can wait or be turned away.
///
/// Heaps that were given back end, and the process keeps some of them with their memory for the next: what is kept is
/// bounded with all the process's memory, not for each pool. Constant to make, for a `static`; taking and giving back is
/// one atomic operation beside what [`ArenaHeap::new`] and its drop take.
///
/// A child of a fork has the number that were in use then, those of threads that it lacks among them.
///
/// ```
/// use stratalloc_arena::{HeapPool, NoHeap};
///
/// static HEAPS: HeapPool = HeapPool::new(2).limit(64 << 20);
///
/// let first = HEAPS.take()?;
/// let second = HEAPS.take()?;
/// assert_eq!(HEAPS.take().unwrap_err(), NoHeap::AllInUse(2));
/// drop(first);
/// assert_eq!(HEAPS.take()?.limit(), Some(64 << 20));
/// # Ok::<(), NoHeap>(())
/// ```
#[derive(Debug)]
pub struct HeapPool {
    most: usize,
    limit: Option<usize>,
    /// The heaps that are taken. `Relaxed` throughout: it guards no memory, and its own order is all that counts.
    in_use: AtomicUsize,
}

impl HeapPool {
    /// A pool of at most so many heaps.
    pub const fn new(most: usize) -> Self {
        Self { most, limit: None, in_use: AtomicUsize::new(0) }
    }

    /// Gives each heap a limit in bytes, as [`ArenaHeap::with_limit`] does. None by default.
    #[must_use]
    pub const fn limit(mut self, bytes: usize) -> Self {
        self.limit = Some(bytes);
        self
    }

    /// Takes an empty heap, until what is returned is dropped.
    ///
    /// # Errors
    ///
    /// [`NoHeap`]; nothing is taken then.
    pub fn take(&self) -> Result<PooledHeap<'_>, NoHeap> {
        let place = Place::take(self).ok_or(NoHeap::AllInUse(self.most))?;
        let heap = self.limit.map_or_else(ArenaHeap::new, ArenaHeap::with_limit)?;
        Ok(PooledHeap { heap, place })
    }

    /// The number of heaps that are taken.
    pub fn in_use(&self) -> usize {
        self.in_use.load(Ordering::Relaxed)
    }
}

/// A heap of a [`HeapPool`]. All its blocks are freed as it is dropped.
#[derive(Debug)]
pub struct PooledHeap<'a> {
    // Before its place, which another heap may have then.
    heap: ArenaHeap,
    place: Place<'a>,
}

impl PooledHeap<'_> {
    /// As [`ArenaHeap::reset`].
    pub fn reset(&mut self) {
        self.heap.reset();
    }

    /// Gives the place back, and ends the heap or leaves it to its live blocks. The pool doesn't count it any more in either
    /// case.
    pub(in crate::face) fn let_go(self) {
        let Self { heap, place } = self;
        heap.let_go();
        drop(place);
    }
}

impl Deref for PooledHeap<'_> {
    type Target = ArenaHeap;

    #[inline(always)]
    fn deref(&self) -> &ArenaHeap {
        &self.heap
    }
}

/// One of a pool's places, which is free again as this is dropped.
#[derive(Debug)]
struct Place<'a>(&'a HeapPool);

impl<'a> Place<'a> {
    fn take(pool: &'a HeapPool) -> Option<Self> {
        let more = |in_use| (in_use < pool.most).then(|| in_use + 1);
        let taken = pool.in_use.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.is_ok().then(|| Self(pool))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.in_use.fetch_sub(1, Ordering::Relaxed);
    }
}
