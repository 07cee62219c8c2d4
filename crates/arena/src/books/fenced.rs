//! Fenced blocks: a few small blocks, each alone on a page between pages that can't be used.
//!
//! A block begins at its page's start or ends at its end, at random, so that what is read or written before it or past its end
//! is a fault at once. As it is freed, its page can't be used any more either, and waits as long as there are others: what is
//! done with a freed block is a fault too. Each slot has a book with the calls that allocated its block, and those that freed
//! it, for the report.
//!
//! # Invariants
//!
//! - [FENCED-1: pool] Once `POOL` isn't zero, [`SIZE`] bytes there are reserved for the pool alone, and `BOOKS` has a book for
//!   each slot; both stay.
//! - [FENCED-2: sole] A slot's page and its book change in the hand of the thread alone that made it busy. Others look at a
//!   book as well, which has atomics in it: what they see of a slot that changes is only wrong.

mod book;
mod place;
mod report;
mod slots;

use core::{
    ptr::{NonNull, null_mut},
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
};

use crate::{
    books::{
        fenced::{book::Book, place::Place, slots::Slots},
        guard, windows,
    },
    sys,
    thresholds::MAX_FENCED,
};

pub(crate) use crate::books::fenced::report::{Access, fault};
use crate::books::fenced::{place::PAGES, report::Bad, slots::State};

/// The slots, by their numbers.
static SLOTS: Slots<MAX_FENCED> = Slots::new();
/// The first byte of the pool; zero before there is one. `Release` where it is set pairs with `Acquire` where a block is
/// allocated: whoever has an address in the pool has it from a thread that did.
static POOL: AtomicUsize = AtomicUsize::new(0);
/// The books of the slots. As [`POOL`], which is set after it.
static BOOKS: AtomicPtr<Book> = AtomicPtr::new(null_mut());
/// How many slots are used. A setting, which orders nothing.
static SLOTS_USED: AtomicUsize = AtomicUsize::new(0);

/// What a block is asked about for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    Free,
    Use,
}

/// Makes a pool, unless there is one, and has so many slots of it used; returns whether there was memory for it.
pub(crate) fn prepare(slots: usize) -> bool {
    if POOL.load(Ordering::Acquire) == 0 && !make() {
        return false;
    }
    SLOTS_USED.store(slots.clamp(1, MAX_FENCED), Ordering::Relaxed);
    true
}

fn make() -> bool {
    let Ok(books) = sys::map(size_of::<Book>() * MAX_FENCED) else { return false };
    let size = PAGES * page_size();
    let pool = windows::claim_for_good(|start| sys::reserve_at(start, size));
    let is_first = |_: &NonNull<u8>| {
        let (set, lost) = (Ordering::Release, Ordering::Relaxed);
        BOOKS.compare_exchange(null_mut(), books.as_ptr().cast(), set, lost).is_ok()
    };
    if let Some(start) = pool.filter(is_first) {
        POOL.store(start.addr().get(), Ordering::Release);
        return true;
    }
    // Another thread made one meanwhile, or memory is out.
    // SAFETY: just mapped, and nobody else knows of either.
    unsafe {
        sys::unmap(books, size_of::<Book>() * MAX_FENCED);
        if let Some(pool) = pool {
            sys::unmap(pool, size);
            windows::release_block(pool, size);
        }
    }
    pool.is_some()
}

fn page_size() -> usize {
    sys::round_to_pages(1)
}

/// Whether an address lies in the pool.
#[inline]
pub(crate) fn contains(address: *mut u8) -> bool {
    let start = POOL.load(Ordering::Relaxed);
    start != 0 && address.addr().wrapping_sub(start) < PAGES * page_size()
}

fn book(number: usize) -> &'static Book {
    // SAFETY: [FENCED-1: pool] there is a pool, since the caller has an address in it; so there is a book for each slot, and
    // all zero is one.
    unsafe { &*BOOKS.load(Ordering::Acquire).add(number) }
}

/// The page of a slot.
fn page(number: usize) -> NonNull<u8> {
    let start = POOL.load(Ordering::Relaxed) + place::page_of(number) * page_size();
    let page = core::ptr::with_exposed_provenance_mut(start);
    // SAFETY: [FENCED-1: pool] it lies in the pool, which doesn't begin at null.
    unsafe { NonNull::new_unchecked(page) }
}

/// A block of `size` bytes at `align`; null if it is longer than a page, or all slots are in use, or the system refuses. O(slots).
///
/// `random` says whether it begins at its page's start or ends at its end.
pub(crate) fn allocate(size: usize, align: usize, random: u64) -> *mut u8 {
    let bytes = page_size();
    if size > bytes || align > bytes || POOL.load(Ordering::Acquire) == 0 {
        return null_mut();
    }
    let Some(number) = SLOTS.take(SLOTS_USED.load(Ordering::Relaxed)) else { return null_mut() };
    let page = page(number);
    // SAFETY: [FENCED-2: sole] the page is this thread's.
    if !unsafe { sys::unlock(page, bytes) } {
        SLOTS.put_back(number);
        return null_mut();
    }
    // SAFETY: the page was just made usable, and nobody uses it.
    unsafe { guard::fill(page.as_ptr(), bytes) };
    let offset = if random >> 63 == 0 { 0 } else { (bytes - size) & !(align - 1) };
    let block = page.as_ptr().wrapping_add(offset);
    book(number).begin(block.addr(), size);
    SLOTS.hand_out(number);
    block
}

/// Ends the process with a report unless a block in use starts at an address in the pool.
pub(crate) fn check_held(address: *mut u8, what_for: For) {
    let bad = match in_use(address) {
        Ok(_) => return,
        Err(State::Free) if what_for == For::Free => Bad::FreedTwice,
        Err(State::Free) => Bad::UsedAfterFree,
        Err(_) if what_for == For::Free => Bad::NotAStart,
        Err(_) => Bad::UsedInside,
    };
    report::at_call(address, bad);
}

/// The number of the block in use that starts at an address in the pool; else what its slot is, busy where it is none's.
fn in_use(address: *mut u8) -> Result<usize, State> {
    let Place::Slot { number } = Place::of(address.addr()) else { return Err(State::Busy) };
    let starts = book(number).start() == address.addr();
    match SLOTS.state(number) {
        State::Live if starts => Ok(number),
        State::Free if book(number).is_used() => Err(State::Free),
        _ => Err(State::Busy),
    }
}

/// The bytes of a block in use, all that was asked for and no more; zero if none starts there.
pub(crate) fn size(block: *mut u8) -> usize {
    in_use(block).map_or(0, |number| book(number).size())
}

/// The start and size of the block in the slot that an address lies in, and whether it is in use, if there ever was one.
pub(crate) fn around(address: *mut u8) -> Option<(usize, usize, bool)> {
    let Place::Slot { number } = Place::of(address.addr()) else { return None };
    let book = book(number);
    book.is_used().then(|| (book.start(), book.size(), SLOTS.state(number) == State::Live))
}

/// The bytes from an address on to the end of the block in the slot that it lies in, in use or not; zero if it isn't in that
/// block. `None` outside of the pool.
pub(crate) fn left_of(address: *mut u8) -> Option<usize> {
    contains(address).then(|| {
        let (start, size, _) = around(address).unwrap_or_default();
        let offset = address.addr().wrapping_sub(start);
        size.saturating_sub(offset)
    })
}

/// Frees a block. The process ends with a report if it isn't in use, or was written to beside it.
pub(crate) fn free(block: *mut u8) {
    let freed = in_use(block).ok().filter(|&number| SLOTS.begin_free(number));
    // Another thread frees it just now.
    let Some(number) = freed else { report::at_call(block, Bad::FreedTwice) };
    check_beside(block, number);
    book(number).end();
    // Where the system refuses, what is done with the freed block goes unnoticed.
    // SAFETY: [FENCED-2: sole] the page is this thread's, and the block in it was given up.
    unsafe { sys::lock(page(number), page_size()) };
    SLOTS.end_free(number);
}

/// Ends the process with a report if the page was written to before the block or past its end.
fn check_beside(block: *mut u8, number: usize) {
    let start = page(number).as_ptr();
    let before = block.addr() - start.addr();
    let end = before + book(number).size();
    // SAFETY: the page is this thread's, and usable; the block lies in it.
    let (is_clear_before, is_clear_after) = unsafe {
        (guard::is_filled(start, before), guard::is_filled(start.add(end), page_size() - end))
    };
    if !is_clear_before {
        report::at_call(block, Bad::WrittenBefore);
    }
    if !is_clear_after {
        report::at_call(block, Bad::WrittenPastEnd);
    }
}

#[cfg(test)]
mod tests;
