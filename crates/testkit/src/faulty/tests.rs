//! The books find what a layer above does wrong.

use std::{
    alloc::Layout,
    panic::{AssertUnwindSafe, catch_unwind},
};

use stratalloc_core::{Allocator, PageProvider};

use super::*;
use crate::{System, TestPages, Watched};

const LAYOUT: Layout = Layout::new::<[u64; 4]>();
const PAGE: usize = 4096;

fn pages(plan: Plan) -> Faulty<TestPages> {
    Faulty::new(TestPages::new(PAGE), plan)
}

#[test]
fn the_kth_call_fails_alone() {
    let base = Faulty::new(System, Plan::Once(2));
    let mut watched = Watched::new(&base);
    let answers = [(); 5].map(|()| watched.allocate(LAYOUT, false).unwrap());
    assert_eq!(answers, [true, true, false, true, true]);
    assert_eq!((base.calls(), base.failures(), base.live_count()), (5, 1, 4));
    watched.clear().unwrap();
    base.assert_all_released();
    assert_eq!((base.live_bytes(), base.peak_bytes()), (0, 4 * LAYOUT.size()));
}

#[test]
fn a_failed_move_leaves_the_books_as_they_were() {
    let base = Faulty::new(System, Plan::From(1));
    let mut watched = Watched::new(&base);
    assert!(watched.allocate(LAYOUT, true).unwrap());
    assert!(!watched.resize(0, Layout::new::<[u64; 8]>(), true).unwrap());
    assert!(!watched.resize(0, Layout::new::<u64>(), false).unwrap());
    assert_eq!(base.live_bytes(), LAYOUT.size());
    base.set_plan(Plan::Never);
    assert!(watched.resize(0, Layout::new::<[u64; 8]>(), true).unwrap());
    watched.clear().unwrap();
    base.assert_all_released();
}

#[test]
fn a_move_that_the_base_refuses_leaves_the_books_as_they_were() {
    let base = Faulty::new(Faulty::new(System, Plan::From(1)), Plan::Never);
    let mut watched = Watched::new(&base);
    assert!(watched.allocate(LAYOUT, true).unwrap());
    assert!(!watched.resize(0, Layout::new::<[u64; 8]>(), true).unwrap());
    assert_eq!((base.failures(), base.live_bytes()), (0, LAYOUT.size()));
    watched.clear().unwrap();
    base.assert_all_released();
}

#[test]
fn where_a_block_was_another_thread_may_have_one_before_the_move_returns() {
    let new = Layout::new::<[u64; 8]>();
    let base = Faulty::new(System, Plan::Never);
    let block = base.allocate(LAYOUT).unwrap();
    let moved = base.try_move(block.cast(), [LAYOUT, new], |system| {
        let moved = system.allocate(new)?;
        // The old block is free; here it is at once the other thread's.
        base.enter(block, LAYOUT);
        Ok(moved)
    });
    assert_eq!(base.live_count(), 2);
    // SAFETY: both are live with these layouts.
    unsafe {
        base.deallocate(moved.unwrap().cast(), new);
        base.deallocate(block.cast(), LAYOUT);
    }
    base.assert_all_released();
}

#[test]
#[should_panic(expected = "isn't live in the base")]
fn a_double_free_is_found() {
    let base = Faulty::new(System, Plan::Never);
    let block = base.allocate(LAYOUT).unwrap().cast();
    // SAFETY: the first is right; the second is stopped before it reaches the system.
    unsafe {
        base.deallocate(block, LAYOUT);
        base.deallocate(block, LAYOUT);
    }
}

#[test]
fn a_wrong_layout_is_found() {
    let base = Faulty::new(System, Plan::Never);
    let block = base.allocate(LAYOUT).unwrap().cast();
    let wrong = AssertUnwindSafe(|| {
        // SAFETY: stopped before it reaches the system.
        unsafe { base.deallocate(block, Layout::new::<u64>()) };
    });
    let message = catch_unwind(wrong).unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("doesn't fit"), "{message}");
    // SAFETY: allocated just so.
    unsafe { base.deallocate(block, LAYOUT) };
    base.assert_all_released();
}

#[test]
#[should_panic(expected = "leaked with Once(1)")]
fn a_leak_on_failure_is_found() {
    each_failure(
        || TestPages::new(PAGE),
        |base| {
            let Ok(first) = base.reserve(PAGE, PAGE) else { return };
            let Ok(second) = base.reserve(PAGE, PAGE) else { return };
            for range in [first, second] {
                // SAFETY: nothing lies in the range, and it is this provider's.
                let _ = unsafe { base.release(range) };
            }
        },
    );
}

#[test]
fn every_call_of_a_provider_fails_in_turn() {
    let calls = each_failure(
        || TestPages::new(PAGE),
        |base| {
            let Ok(range) = base.reserve_committed(4 * PAGE, PAGE) else { return };
            // SAFETY: nothing lies in the range, and it is this provider's.
            unsafe {
                let _ = base.decommit(&range, PAGE, PAGE);
                let _ = base.release(range);
            }
        },
    );
    assert_eq!(calls, 4, "reserve, commit, decommit, release");
}

#[test]
fn a_range_whose_release_was_refused_is_still_the_callers() {
    let base = pages(Plan::Once(1));
    let range = base.reserve(PAGE, PAGE).unwrap();
    // SAFETY: nothing lies in the range, and it is this provider's.
    unsafe {
        let (_, range) = base.release(range).unwrap_err();
        base.assert_all_released();
        assert_eq!(base.live_bytes(), PAGE);
        base.release(range).unwrap();
    }
    assert_eq!(base.live_bytes(), 0);
}

#[test]
#[should_panic(expected = "aren't pages of")]
fn a_commit_past_the_end_is_found() {
    let base = pages(Plan::Never);
    let range = base.reserve(2 * PAGE, PAGE).unwrap();
    let _ = base.commit(&range, PAGE, 2 * PAGE);
}
