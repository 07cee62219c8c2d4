//! Threads beyond the areas that address space has room for are guests in the heaps of others.

#![cfg(not(loom))]

#[path = "common/arenas.rs"]
mod arenas;

use std::thread;

use stratalloc_arena::AREA_SIZE;
use stratalloc_pages::os;

/// How many areas there may be, as in an address space of 39 bits.
const ROOM: usize = 6;

/// Takes the first page of every area that there might be, but for the last `ROOM` that are free.
fn take_places() {
    let taken =
        (1..1 << 11).filter_map(|number| os::reserve_at(number * AREA_SIZE, os::page_size()).ok());
    let taken: Vec<_> = taken.collect();
    for &place in taken.iter().rev().take(ROOM) {
        // SAFETY: just reserved.
        unsafe { os::unmap(place, os::page_size()) }.unwrap();
    }
}

#[test]
fn they_come_and_go() {
    take_places();
    let work = |seed: u8| {
        let blocks: Vec<Vec<u8>> = (1..200).map(|size| vec![seed; size * 7]).collect();
        assert!(blocks.iter().all(|block| block.iter().all(|&byte| byte == seed)));
    };
    thread::scope(|scope| {
        for seed in 0..8 {
            scope.spawn(move || {
                for _ in 0..150 {
                    thread::spawn(move || work(seed)).join().unwrap();
                }
            });
        }
    });
}
