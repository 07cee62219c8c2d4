//! The pool: which slot serves next, what fits, and what its books have.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::*;

/// The pool is the process's: one test at a time has it.
fn pool(slots: usize) -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    let alone = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(prepare(slots));
    alone
}

#[test]
fn what_was_freed_waits_until_the_others_had_their_turn() {
    let _alone = pool(4);
    let blocks: Vec<_> = (0..4).map(|_| allocate(100, 8, 0)).collect();
    assert!(blocks.iter().all(|&block| contains(block)));
    assert!(allocate(100, 8, 0).is_null(), "all four are in use");
    for &block in blocks.iter().rev() {
        free(block);
        assert_eq!(around(block), Some((block.addr(), 100, false)));
    }
    let again: Vec<_> = (0..4).map(|_| allocate(100, 8, 0)).collect();
    assert!(again.iter().eq(blocks.iter().rev()));
    again.into_iter().for_each(free);
}

#[test]
fn what_does_not_fit_is_for_others() {
    let _alone = pool(2);
    assert!(allocate(page_size() + 1, 1, 0).is_null());
    assert!(allocate(8, 2 * page_size(), 0).is_null());
    let block = allocate(page_size(), page_size(), u64::MAX);
    assert_eq!((block.addr() % page_size(), size(block)), (0, page_size()));
    free(block);
}

#[test]
fn a_block_is_found_by_its_start_alone() {
    let _alone = pool(2);
    let block = allocate(40, 8, u64::MAX);
    assert_eq!(in_use(block).ok().map(|number| book(number).size()), Some(40));
    assert_eq!(in_use(block.wrapping_add(1)), Err(State::Busy));
    assert_eq!(in_use(block.wrapping_add(40)), Err(State::Busy), "in a page between");
    assert_eq!(around(block.wrapping_sub(1)), Some((block.addr(), 40, true)));
    free(block);
    assert_eq!(in_use(block), Err(State::Free));
    assert!(!contains(core::ptr::null_mut()) && !contains(core::ptr::without_provenance_mut(8)));
}

#[test]
fn a_book_has_the_calls_of_both() {
    let _alone = pool(1);
    let block = allocate(40, 8, 0);
    let book = book(in_use(block).unwrap());
    assert_eq!((book.allocated.thread(), book.freed.thread()), (sys::thread(), 0));
    std::thread::scope(|scope| {
        let block = block.expose_provenance();
        scope.spawn(move || free(core::ptr::with_exposed_provenance_mut(block)));
    });
    assert!(![0, sys::thread()].contains(&book.freed.thread()));
    let calls = [&book.allocated, &book.freed].map(|trace| trace.calls().collect::<Vec<_>>());
    if cfg!(all(target_env = "gnu", not(miri))) {
        assert!(calls.iter().all(|calls| calls.len() > 2) && calls[0] != calls[1]);
    }
}
