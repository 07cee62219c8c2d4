//! Zeroed tables of which little is touched: what isn't touched isn't resident.

// The sanitizer keeps what is freed, and its own books beside it.
// In the hardened build no memory of a freed block is kept.
#![cfg(not(any(loom, asan, tsan, feature = "hardened")))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/resident.rs"]
mod resident;

use std::time::Duration;

use resident::{MIB, resident};
use stratalloc_arena::{Census, Config, global};

const PAGE: usize = 4096;

fn free(block: *mut u8) {
    // SAFETY: the tests free each block once.
    unsafe { global::deallocate(block) };
}

/// Pages that are resident for each table of `size` bytes, `all` together, of which a page is touched.
fn pages_each(size: usize, all: usize) -> usize {
    let before = resident();
    let tables: Vec<_> = (0..all / size)
        .map(|number| {
            let table = global::allocate_zeroed(size, 8);
            assert!(!table.is_null());
            let touched = table.wrapping_add(number * 37 % (size / PAGE) * PAGE);
            // SAFETY: a page of the table, just allocated.
            unsafe {
                assert_eq!(touched.read(), 0);
                touched.write(1);
            }
            table
        })
        .collect();
    let pages = resident().saturating_sub(before) / PAGE;
    let each = pages.div_ceil(tables.len());
    tables.into_iter().for_each(free);
    each
}

/// Work that leaves much memory kept, were it not for the settings.
fn work() {
    let blocks: Vec<_> = (0..50).map(|_| global::allocate(MIB + 5000, 8)).collect();
    for &block in &blocks {
        // SAFETY: just allocated.
        unsafe { block.write_bytes(1, MIB) };
    }
    blocks.into_iter().for_each(free);
}

#[test]
fn of_a_zeroed_table_what_is_touched_is_resident() {
    let _alone = alone::alone();
    // What is kept serves the next tables, zeroed: it must not hide the rest here.
    Config::new().keep(0).apply().unwrap();
    for before in [|| {}, work] {
        for size in [64 << 10, 256 << 10, MIB, 2 * MIB] {
            before();
            // The second ones have what the first ones freed.
            let each = [0; 2].map(|_| pages_each(size, 256 * MIB));
            assert!(each.iter().all(|&each| each <= 4), "{each:?} pages for each of {size} bytes");
            global::trim();
        }
    }
}

#[test]
fn what_is_kept_of_zeroed_blocks_is_what_was_filled() {
    let _alone = alone::alone();
    Config::new().apply().unwrap();
    for size in [MIB, 2 * MIB, 3 * MIB] {
        let each = [0; 2].map(|_| pages_each(size, 2048 * MIB));
        assert!(each.iter().all(|&each| each <= 4), "{each:?} pages for each of {size} bytes");
    }
    global::trim();
    let before = resident();
    let buffers: Vec<_> = (0..30).map(|_| global::allocate_zeroed(MIB, 8)).collect();
    for &buffer in &buffers {
        // SAFETY: just allocated.
        unsafe { buffer.write_bytes(1, MIB) };
    }
    buffers.into_iter().for_each(free);
    let kept = resident().saturating_sub(before);
    assert!(kept > 24 * MIB, "{kept} bytes of 30 MiB");
    global::trim();
}

#[test]
fn one_zeroed_buffer_has_the_memory_of_the_one_before_it() {
    let _alone = alone::alone();
    Config::new().decay(Duration::ZERO).apply().unwrap();
    let before = Census::take();
    for number in 0..200 {
        let size = MIB + number % 16 * (MIB / 16);
        let buffer = global::allocate_zeroed(size, 8);
        // SAFETY: so many bytes, just allocated.
        unsafe {
            assert!((0..size).step_by(PAGE).all(|at| buffer.add(at).read() == 0));
            buffer.write(1);
        }
        free(buffer);
    }
    let given_back = Census::take().since(&before).events.purged;
    assert!(given_back < 4 * MIB as u64, "{given_back} bytes of one buffer at a time");
    Config::new().apply().unwrap();
    global::trim();
}
