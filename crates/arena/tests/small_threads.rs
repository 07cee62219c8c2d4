//! A thread costs what it uses: resident memory of many that have a few blocks each.

// The sanitizer keeps its own books beside them.
#![cfg(not(any(loom, asan, tsan)))]

#[path = "common/filled.rs"]
mod filled;

use std::{
    collections::BTreeSet,
    fs,
    sync::{Barrier, Mutex},
    thread,
};

use filled::{filled, free};
use stratalloc_arena::AREA_SIZE;

const THREADS: usize = 64;
/// The bytes mapped for each thread, at most.
const MAPPED: usize = 7 << 18;
/// One block of each, whose own partitions are six, on ten pages.
const SIZES: [usize; 10] = [24, 48, 96, 160, 320, 640, 1000, 1500, 2500, 4000];

/// The page tables of the process: the kernel counts them as they are made.
fn page_tables() -> usize {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmPTE:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

/// The area that an address lies in.
fn area(address: usize) -> usize {
    address / AREA_SIZE
}

/// The bytes of areas that are mapped, and those that are resident, out of the page tables: what the kernel counts for
/// the whole process lags behind, and has the threads' stacks in it.
fn held(areas: &BTreeSet<usize>) -> (usize, usize) {
    let text = fs::read_to_string("/proc/self/smaps").unwrap();
    let (mut mapped, mut resident, mut is_in) = (0, 0, false);
    for line in text.lines() {
        let word = line.split(' ').next().unwrap();
        if let Some((start, _)) = word.split_once('-') {
            is_in = areas.contains(&area(usize::from_str_radix(start, 16).unwrap()));
        }
        let Some((figure, size)) = line.split_once(':').filter(|_| is_in) else { continue };
        let bytes = || size.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10;
        match figure {
            "Size" => mapped += bytes(),
            "Rss" => resident += bytes(),
            _ => {}
        }
    }
    (mapped, resident)
}

/// Ten pages of blocks, one of the table of tiles, five of books, cache and stocks. Mapped, which is what limits count and
/// what a core dump holds, are the tables' and books' room besides, and the first 32 KiB of ten classes. The page tables are
/// three a thread, as the first slabs of all classes lie side by side, and two of its C stack.
#[test]
#[cfg_attr(feature = "checked", ignore = "a slab has a page of bytes for its blocks besides")]
fn a_thread_with_a_block_of_each_of_ten_classes_costs_some_fifteen_pages() {
    let (begun, seen) = (Barrier::new(THREADS + 1), Barrier::new(THREADS + 1));
    let areas = Mutex::new(BTreeSet::new());
    let before = page_tables();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let blocks = SIZES.map(filled);
                areas.lock().unwrap().extend(blocks.map(|block| area(block.addr())));
                begun.wait();
                seen.wait();
                blocks.into_iter().for_each(free);
            });
        }
        begun.wait();
        let areas = areas.lock().unwrap();
        let (mapped, resident) = held(&areas);
        let tables = page_tables() - before;
        seen.wait();
        assert_eq!(areas.len(), THREADS, "one each");
        assert!(
            2 * resident <= THREADS * 33 * 4096,
            "{} KiB resident each",
            (resident / THREADS) >> 10
        );
        assert!(
            tables <= THREADS * (20 << 10),
            "{} KiB of page tables each",
            (tables / THREADS) >> 10
        );
        assert!(mapped <= THREADS * MAPPED, "{} KiB mapped each", (mapped / THREADS) >> 10);
    });
}
