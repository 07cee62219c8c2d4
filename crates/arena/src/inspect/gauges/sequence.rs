//! Whose turn it is to write a frame, and which frame is whole.
//!
//! A word counts: twice the number of frames that were written, and one more while one is being written. There is room for
//! two frames, which are written in turn: a reader copies the newest whole one, and looks at the word again.

use core::sync::atomic::Ordering;

use stratalloc_core::sync::atomic::{AtomicU64, fence};

/// Begins a frame; returns its number, or `None` while another thread writes one.
///
/// `Acquire` pairs with `Release` in [`end`]. The fence pairs with the reader's: who sees a word of this frame, sees that
/// it was begun.
pub(crate) fn begin(word: &AtomicU64) -> Option<u64> {
    let before = word.load(Ordering::Relaxed);
    let begun = before % 2 == 0
        && word.compare_exchange(before, before + 1, Ordering::Acquire, Ordering::Relaxed).is_ok();
    fence(Ordering::Release);
    begun.then_some(before / 2)
}

/// Ends a frame. `Release` pairs with `Acquire` in [`begin`], and where a reader begins.
pub(crate) fn end(word: &AtomicU64, frame: u64) {
    word.store(2 * (frame + 1), Ordering::Release);
}

/// The number of the newest whole frame, if there is one.
pub(crate) const fn newest(word: u64) -> Option<u64> {
    (word / 2).checked_sub(1)
}

/// The room that a frame has.
pub(crate) const fn room(frame: u64) -> usize {
    (frame % 2) as usize
}

/// Whether a frame was whole all the time until the word was this: the one after the next has its room.
pub(crate) const fn is_still_whole(frame: u64, word: u64) -> bool {
    word <= 2 * (frame + 2)
}
