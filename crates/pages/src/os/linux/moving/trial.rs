//! Whether pages can be moved here, tried once on a page of its own.
//!
//! An emulator of another processor may pass the call on to its kernel, and take the pages' old place for unmapped all
//! the same. What is purged there then keeps its content, and some instructions fault there.

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
};

use rustix::{
    io::Errno,
    thread::{Timespec, futex},
};

use super::{MoveError, move_mapped};
use crate::os::{map, page_size, purge, unmap};

/// Whether a trial was made, and what it said. Every trial says the same, so that nothing is ordered by these two: who
/// sees the first alone takes pages for unmovable once.
static DONE: AtomicBool = AtomicBool::new(false);
static MOVABLE: AtomicBool = AtomicBool::new(false);

/// Returns whether pages can be moved. A trial whose move the system refuses is no answer: there will be another.
pub(super) fn are_movable() -> bool {
    if !DONE.load(Relaxed) {
        let Some(answer) = try_one() else { return false };
        MOVABLE.store(answer, Relaxed);
        DONE.store(true, Relaxed);
    }
    MOVABLE.load(Relaxed)
}

/// Moves one page, and looks at what is left in its place.
fn try_one() -> Option<bool> {
    let page = page_size();
    let from = map(2 * page, page).ok()?;
    // SAFETY: both pages were just mapped; after a move that loses the second it isn't ours any more.
    unsafe {
        let to = from.add(page);
        let moved = move_mapped(from, to, page);
        let answer = moved.is_ok().then(|| is_zero(from) && is_purged(from, page));
        let ours = if moved == Err(MoveError::Lost) { page } else { 2 * page };
        let _ = unmap(from, ours);
        answer
    }
}

/// Returns whether a page begins with zero. The kernel reads it, as the word of a wait that has no time: an emulator may
/// have made the page one that faults.
///
/// # Safety
///
/// The page is the caller's.
unsafe fn is_zero(start: NonNull<u8>) -> bool {
    // SAFETY: a page begins at a multiple of 4, and holds a word that nobody else knows of.
    let word = unsafe { AtomicU32::from_ptr(start.as_ptr().cast()) };
    let no_time = Timespec { tv_sec: 0, tv_nsec: 0 };
    futex::wait(word, futex::Flags::PRIVATE, 1, Some(&no_time)) == Err(Errno::AGAIN)
}

/// Returns whether a page reads as zero after it was written to and purged, or whether the system says that it can't be
/// purged.
///
/// # Safety
///
/// The page is the caller's, it may be written to, and nothing lives in it.
unsafe fn is_purged(start: NonNull<u8>, page: usize) -> bool {
    // SAFETY: the page is the caller's, it may be written to, and nothing lives in it, by this function's contract.
    unsafe {
        start.write_volatile(1);
        purge(start, page).is_err() || start.read_volatile() == 0
    }
}

#[cfg(test)]
mod tests {
    use core::ptr;

    use rustix::mm::{self, MapFlags};

    use super::*;
    use crate::os::{linux::READ_WRITE, protect_none};

    #[test]
    fn what_keeps_its_content_is_no_place_that_pages_were_moved_from() {
        let page = page_size();
        let private = map(page, page).unwrap();
        // SAFETY: a new mapping. A shared one keeps what is purged, as an emulator may.
        let shared =
            unsafe { mm::mmap_anonymous(ptr::null_mut(), page, READ_WRITE, MapFlags::SHARED) };
        let shared = NonNull::new(shared.unwrap().cast()).unwrap();
        // SAFETY: both are the test's own.
        unsafe {
            assert_eq!([private, shared].map(|it| is_purged(it, page)), [true, false]);
            unmap(private, page).unwrap();
            unmap(shared, page).unwrap();
        }
    }

    #[test]
    fn a_place_that_faults_is_not_zero() {
        let page = page_size();
        let start = map(2 * page, page).unwrap();
        // SAFETY: just mapped.
        unsafe {
            assert!(is_zero(start));
            start.add(page).write(1);
            assert!(!is_zero(start.add(page)));
            protect_none(start, page).unwrap();
            assert!(!is_zero(start));
            unmap(start, 2 * page).unwrap();
        }
    }
}
