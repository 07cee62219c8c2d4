//! Caches that wait for a thread: those of threads that ended, and those in heaps whose threads a fork lost.

use core::{cell::Cell, ptr::null};

/// What can wait.
pub(super) trait Idle: Sized + 'static {
    /// The next one that waits.
    fn next_idle(&self) -> &Cell<*const Self>;
}

/// A list of caches, newest first, and the homes of lost ones.
///
/// # Invariants
///
/// - [IDLE_CACHES-1: idle] The caches in it live as long as the process, and no thread uses them.
pub(super) struct IdleCaches<C> {
    first: Cell<*const C>,
    /// Where the heaps stand whose threads this process lost when it was forked.
    pub(super) lost: Cell<Windows>,
}

// SAFETY: [IDLE_CACHES-1: idle] its caches belong to no thread.
unsafe impl<C> Send for IdleCaches<C> {}

impl<C> IdleCaches<C> {
    /// None.
    pub(super) const fn new() -> Self {
        Self { first: Cell::new(null()), lost: Cell::new(Windows::NONE) }
    }
}

impl<C: Idle> IdleCaches<C> {
    /// Lets the cache of a thread that ended wait.
    pub(super) fn push(&self, cache: &'static C) {
        cache.next_idle().set(self.first.get());
        self.first.set(cache);
    }

    /// Takes the cache of the thread that ended last.
    pub(super) fn pop(&self) -> Option<&'static C> {
        // SAFETY: [IDLE_CACHES-1: idle] null, or a cache that lives as long as the process.
        let cache = unsafe { self.first.get().as_ref() }?;
        self.first.set(cache.next_idle().get());
        Some(cache)
    }

    /// The caches of threads that ended.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'static C> {
        // SAFETY: [IDLE_CACHES-1: idle] null, or a cache that lives as long as the process.
        let cache = |place: *const C| unsafe { place.as_ref() };
        core::iter::successors(cache(self.first.get()), move |idle| cache(idle.next_idle().get()))
    }

    /// Takes the window of a heap that lost its thread.
    pub(super) fn pop_lost(&self) -> Option<usize> {
        let mut lost = self.lost.get();
        let window = lost.pop();
        self.lost.set(lost);
        window
    }
}

/// A set of windows of the address space.
#[derive(Clone, Copy)]
pub(super) struct Windows([u64; 32]);

impl Windows {
    /// None of them.
    pub(super) const NONE: Self = Self([0; 32]);

    /// Whether a window is among them.
    pub(super) fn has(&self, window: usize) -> bool {
        self.0[window / 64] & 1 << (window % 64) != 0
    }

    /// Adds one.
    pub(super) fn insert(&mut self, window: usize) {
        self.0[window / 64] |= 1 << (window % 64);
    }

    /// Takes one out, if it is there.
    pub(super) fn remove(&mut self, window: usize) {
        self.0[window / 64] &= !(1 << (window % 64));
    }

    /// Takes the first out.
    pub(super) fn pop(&mut self) -> Option<usize> {
        let word = self.0.iter().position(|&windows| windows != 0)?;
        let window = word * 64 + self.0[word].trailing_zeros() as usize;
        self.remove(window);
        Some(window)
    }
}
