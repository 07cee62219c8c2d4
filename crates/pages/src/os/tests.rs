//! What every system with address space keeps of the table in `mod.rs`.

use std::{collections::BTreeSet, sync::Barrier, thread, vec::Vec};

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::*;

/// Whether bytes hold nothing but `value`.
///
/// # Safety
///
/// They are readable, and nobody writes to them.
unsafe fn holds(start: NonNull<u8>, size: usize, value: u8) -> bool {
    // SAFETY: the caller's.
    unsafe { NonNull::slice_from_raw_parts(start, size).as_ref() }.iter().all(|&byte| byte == value)
}

#[test]
fn what_is_mapped_is_aligned_and_zero() {
    let size = 3 * page_size();
    for align in (page_size().ilog2()..=26).map(|bits| 1 << bits) {
        let start = map(size, align).unwrap();
        assert_eq!(start.addr().get() % align, 0, "{align}");
        // SAFETY: mapped, by us alone.
        unsafe {
            assert!(holds(start, size, 0));
            start.write_bytes(1, size);
            unmap(start, size).unwrap();
        }
    }
}

#[test]
fn a_reservation_is_committed_in_part_and_given_back_in_part() {
    let page = page_size();
    let start = reserve(1 << 30, 1 << 22).unwrap();
    assert_eq!(start.addr().get() % (1 << 22), 0);
    // SAFETY: reserved by us; only what is committed is touched.
    unsafe {
        let inside = start.add(1 << 29);
        commit(inside, 4 * page).unwrap();
        inside.write_bytes(7, 4 * page);
        commit(inside, 8 * page).unwrap();
        assert!(holds(inside, 4 * page, 7), "what a page holds stays");
        assert!(holds(inside.add(4 * page), 4 * page, 0));
        decommit(inside.add(page), 2 * page).unwrap();
        assert!(holds(inside, page, 7) && holds(inside.add(3 * page), page, 7));
        commit(inside.add(page), 2 * page).unwrap();
        assert!(holds(inside.add(page), 2 * page, 0));
        unmap(start, 1 << 30).unwrap();
    }
}

/// A system without aligned calls finds a place, and takes it a moment later: another thread may be there first.
#[test]
fn threads_take_aligned_places_at_once() {
    const SIZE: usize = 1 << 20;
    thread::scope(|scope| {
        for value in 1..=4 {
            scope.spawn(move || {
                let take = |_| {
                    let start = map(SIZE, SIZE).unwrap();
                    assert_eq!(start.addr().get() % SIZE, 0);
                    // SAFETY: mapped, by us alone.
                    unsafe { start.write_bytes(value, page_size()) };
                    start
                };
                for start in (0..30).map(take).collect::<Vec<_>>() {
                    // SAFETY: as above, and of no use any more.
                    unsafe {
                        assert!(holds(start, page_size(), value));
                        unmap(start, SIZE).unwrap();
                    }
                }
            });
        }
    });
}

#[test]
fn more_than_there_is_is_refused() {
    let half = isize::MAX.cast_unsigned() & !(page_size() - 1);
    for take in [reserve, map] {
        assert!(take(half, page_size()).is_err());
        assert!(take(page_size(), half.next_power_of_two()).is_err());
    }
}

#[test]
fn who_waits_is_woken_or_looks_again() {
    let word = AtomicUsize::new(1);
    wait(&word, 2);
    wait(&word, 1);
    wake_one(&word);
    thread::scope(|scope| {
        scope.spawn(|| {
            word.store(0, Ordering::Release);
            wake_one(&word);
        });
        while word.load(Ordering::Acquire) != 0 {
            wait(&word, 1);
        }
    });
}

#[test]
fn each_thread_has_a_word_of_its_own() {
    const THREADS: usize = 8;
    let all_live = Barrier::new(THREADS);
    let words: BTreeSet<_> = thread::scope(|scope| {
        let word = || {
            let word = this_thread() >> 2;
            all_live.wait();
            assert_eq!(this_thread() >> 2, word);
            word
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(word)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(words.len(), THREADS);
}
