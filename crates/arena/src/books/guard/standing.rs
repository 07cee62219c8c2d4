//! How a block stands, by its byte, while other threads may look at the block.
//!
//! Who changes a block says first that it stands otherwise, and how it stands once the change is done. Who looks at it reads
//! the byte before and after: as a sequence lock's number, but that a block may come to stand as it did, so that one look at it
//! doesn't tell.

use core::sync::atomic::Ordering;

use stratalloc_core::sync::atomic::{AtomicU8, fence};

/// The byte of a block of a thread's heap.
#[derive(Clone, Copy)]
pub(super) struct Standing<'a>(pub(super) &'a AtomicU8);

impl Standing<'_> {
    /// What was said last. For the one thread that has the block.
    #[inline(always)]
    pub(super) fn said(self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }

    /// Says that the block stands so from now on. Others that look at it may not see what was written to it before.
    #[inline(always)]
    pub(super) fn say(self, now: u8) {
        self.0.store(now, Ordering::Relaxed);
    }

    /// Says so if the block stood as `before`; returns whether it did. Of several threads that do it at the same moment, one is
    /// told so.
    #[inline(always)]
    pub(super) fn say_instead(self, before: u8, now: u8) -> bool {
        self.0.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Says how the block stands once it is changed. `Release` pairs with `Acquire` in [`before_look`](Self::before_look).
    #[inline(always)]
    pub(super) fn say_done(self, now: u8) {
        self.0.store(now, Ordering::Release);
    }

    /// How the block stands, before a look at it. `Acquire` pairs with `Release` in [`say_done`](Self::say_done): what was
    /// written before that is seen.
    #[inline(always)]
    pub(super) fn before_look(self) -> u8 {
        self.0.load(Ordering::Acquire)
    }

    /// Whether it stood as `before` during all of a look at it, or came to stand so again.
    ///
    /// The fence pairs with that of [`before_change`].
    #[inline(always)]
    pub(super) fn stood_as(self, before: u8) -> bool {
        fence(Ordering::Acquire);
        self.said() == before
    }
}

/// Comes between saying that a block stands otherwise and changing it: who sees the change, sees that it was said.
#[inline(always)]
pub(super) fn before_change() {
    fence(Ordering::Release);
}

#[cfg(all(test, loom))]
mod models;
