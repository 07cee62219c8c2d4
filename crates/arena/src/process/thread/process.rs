//! How threads come to their caches and leave them, in any process: the one that this is, or a small one that a
//! model makes anew for each of its executions.

use crate::{
    process::thread::idle::{Idle, IdleCaches},
    sys::lock::{Lock, Mark},
};

/// What threads that start and end, and forks, find in a process, as the calling thread sees it.
pub(super) trait Process {
    /// A thread's cache.
    type Cache: Idle;
    /// What the locks of heaps, of the arena heaps and of the samples guard.
    type Pools;
    type Values;
    type Samples;

    /// What the calling thread marks locks with that it takes whether it has a cache or not.
    fn mark_of_thread(&self) -> Mark;
    /// What it marks the other locks with.
    fn mark(&self) -> Mark;

    /// The caches that wait for a thread.
    ///
    /// New homes are made under its lock too, so that a fork, which takes it, finds all of them.
    fn idle(&self) -> &Lock<IdleCaches<Self::Cache>>;
    /// The lock of the arena heaps.
    fn values(&self) -> &Lock<Self::Values>;
    /// The lock of the samples.
    fn samples(&self) -> &Lock<Self::Samples>;

    /// The windows and the locks of the heaps of threads.
    fn heaps_of_threads(&self) -> impl Iterator<Item = (usize, &Lock<Self::Pools>)>;
    /// Those of the arena heaps.
    ///
    /// # Safety
    ///
    /// The caller holds the lock of the arena heaps, or forks while it is interrupted in a function that holds the lock.
    unsafe fn heaps_of_values(&self) -> impl Iterator<Item = (usize, &Lock<Self::Pools>)>;
    /// The window of the calling thread's own heap.
    fn own_window(&self) -> Option<usize>;
    /// The window that a cache is at home in. A guest's cache says nothing of the area that it may lie in.
    fn home_of(cache: &Self::Cache) -> Option<usize>;

    /// A cache in a new home, if there may be one. The caller holds the lock of [`idle`](Self::idle).
    fn new_home(&self) -> Option<&'static Self::Cache>;
    /// The cache at home in a window, emptied. Nobody uses it.
    fn home_at(&self, window: usize) -> Option<&'static Self::Cache>;
    /// Gives back all that a thread's cache holds, as it ends.
    fn empty(&self, cache: &'static Self::Cache);

    /// Takes the lock of the C library's streams: always, since a thread without a heap may hold a stream as it waits for its
    /// first.
    fn lock_streams(&self);
    /// Gives it back.
    fn unlock_streams(&self);
    /// Makes it free, in a forked process.
    fn reset_streams(&self);
    /// Counts anew what the process holds.
    ///
    /// # Safety
    ///
    /// This is the only thread of a forked process, and holds all locks.
    unsafe fn recount(&self);
}

/// The cache of a thread that starts: one that another left, or one in a new home.
pub(super) fn start<P: Process>(process: &P) -> Option<&'static P::Cache> {
    let idle = process.idle().lock(process.mark_of_thread());
    let left = idle.pop().or_else(|| process.home_at(idle.pop_lost()?));
    left.or_else(|| process.new_home())
}

/// The end of a thread: its blocks go back, its cache and its heap wait for another thread.
pub(super) fn end<P: Process>(process: &P, cache: &'static P::Cache) {
    process.empty(cache);
    process.idle().lock(process.mark_of_thread()).push(cache);
}
