//! What is freed is found again, whichever thread freed it: nothing is stranded in outboxes, inboxes, idle
//! heaps or books.

// The sanitizers keep what is freed.
#![cfg(not(any(loom, asan, tsan)))]

#[path = "common/alone.rs"]
mod alone;

use std::{
    alloc::Layout,
    collections::BTreeSet,
    path::PathBuf,
    sync::{MutexGuard, mpsc},
    thread,
    time::Duration,
};

use stratalloc_arena::{ArenaHeap, Census, Config, global};
use stratalloc_core::{Allocator, Stats as _};

const MIB: usize = 1 << 20;
/// The bytes of the blocks that go from thread to thread: of a class that nothing else here uses.
const SIZE: usize = 200;
/// Blocks that a batch on its way to another heap has at most, and batches that wait there at most.
const BATCH: usize = 29;
const WAITING: usize = 64;
/// Blocks that a thread's stock has at most.
const STOCK: usize = 128;

struct Address(*mut u8);

// SAFETY: the threads pass blocks on.
unsafe impl Send for Address {}

/// A test's turn, in which nothing is looked after just because time passes.
fn alone() -> MutexGuard<'static, Option<PathBuf>> {
    let alone = alone::alone();
    Config::new().decay(Duration::from_secs(3600)).apply().unwrap();
    trim_wholly();
    alone
}

/// Takes in what waits anywhere: emptied batches are blocks of the thread that filled them, and go back in a batch, which
/// is one too.
fn trim_wholly() {
    for _ in 0..4 {
        global::trim();
    }
}

fn allocate(count: usize) -> Vec<Address> {
    allocate_of(SIZE, count)
}

fn allocate_of(size: usize, count: usize) -> Vec<Address> {
    let blocks: Vec<_> = (0..count).map(|_| Address(global::allocate(size, 8))).collect();
    assert!(blocks.iter().all(|block| !block.0.is_null()));
    blocks
}

fn free(blocks: Vec<Address>) {
    for block in blocks {
        // SAFETY: live, and freed once.
        unsafe { global::deallocate(block.0) };
    }
}

/// Another thread frees the blocks, and ends.
fn free_elsewhere(blocks: Vec<Address>) {
    thread::spawn(move || free(blocks)).join().unwrap();
}

/// Blocks of that class that some heap takes for being in use, or in a thread's stock.
fn live() -> usize {
    live_of(SIZE)
}

fn live_of(size: usize) -> usize {
    let class = Census::take().classes.into_iter().find(|class| class.block_size >= size);
    class.unwrap().live
}

/// A thread that has allocated some blocks, and waits.
struct IdleThread(Option<(mpsc::Sender<()>, thread::JoinHandle<()>)>);

impl IdleThread {
    fn with(count: usize) -> (Self, Vec<Address>) {
        Self::with_of(SIZE, count)
    }

    fn with_of(size: usize, count: usize) -> (Self, Vec<Address>) {
        Self::after(move || allocate_of(size, count))
    }

    fn after(allocate: impl FnOnce() -> Vec<Address> + Send + 'static) -> (Self, Vec<Address>) {
        let (sender, blocks) = mpsc::channel();
        let (end, is_ended) = mpsc::channel();
        let thread = thread::spawn(move || {
            sender.send(allocate()).unwrap();
            let _ = is_ended.recv();
        });
        (Self(Some((end, thread))), blocks.recv().unwrap())
    }
}

impl Drop for IdleThread {
    fn drop(&mut self) {
        let (end, thread) = self.0.take().unwrap();
        drop(end);
        thread.join().unwrap();
    }
}

/// A thread that goes on allocating uses what others freed of its blocks.
#[test]
fn what_waits_in_the_own_inbox_serves_before_fresh_memory() {
    let _alone = alone();
    let count = BATCH * WAITING / 2;
    let blocks = allocate(count);
    free_elsewhere(blocks);
    let again = allocate(count);
    assert!(live() <= count + 2 * STOCK, "{} for {count}", live());
    let apart: BTreeSet<_> = again.iter().map(|block| block.0).collect();
    assert_eq!(apart.len(), count, "no block twice");
    free_elsewhere(again);
}

/// Nobody else looks after the inbox of a thread that sleeps: whoever frees its blocks does.
#[test]
fn little_waits_for_a_thread_that_sleeps() {
    let _alone = alone();
    let (_owner, blocks) = IdleThread::with(4 * BATCH * WAITING);
    free_elsewhere(blocks);
    assert!(live() <= BATCH * WAITING + STOCK, "{} blocks wait", live());
}

/// Large ones count for more than small ones: some megabytes wait.
#[test]
fn few_large_blocks_wait_for_a_thread_that_sleeps() {
    const LARGE: usize = 32 << 10;
    let _alone = alone();
    let (_owner, blocks) = IdleThread::with_of(LARGE, 4 * BATCH);
    free_elsewhere(blocks);
    assert!(live_of(LARGE) * LARGE <= 3 * MIB, "{} blocks wait", live_of(LARGE));
}

/// What a heap takes in it keeps as it came, for its next refills: some of it, while it works.
#[test]
fn what_magazines_hold_is_little_and_taken_in_by_a_trim() {
    let _alone = alone();
    let before = live();
    free_elsewhere(allocate(BATCH * (WAITING - 1)));
    // More than the stock has, so that the thread takes in what waits.
    let some = allocate(STOCK + 1);
    let held = live() - before - some.len();
    assert!(held * SIZE >= MIB / 8, "{held} blocks");
    assert!(held * SIZE <= MIB / 4 + STOCK * SIZE, "{held} blocks");
    global::trim();
    assert_eq!(live(), before + some.len());
    free_elsewhere(some);
}

/// The last frees of a thread arrive as it ends, however few.
#[test]
fn a_few_frees_of_a_thread_that_ends_arrive() {
    let _alone = alone();
    let (_owner, blocks) = IdleThread::with(5);
    let before = live();
    free_elsewhere(blocks);
    assert_eq!(live(), before - 5);
}

/// A batch from a thread that lives on waits for the owner, or for a trim, for whichever heap.
#[test]
fn a_batch_that_waits_is_taken_in_by_a_trim() {
    let _alone = alone();
    let (_owner, blocks) = IdleThread::with(BATCH);
    let before = live();
    free(blocks);
    assert_eq!(live(), before);
    global::trim();
    assert_eq!(live(), before - BATCH);
}

/// What a thread collects for one heap and bin gives way to what it frees next for another.
#[test]
fn batches_that_give_way_to_others_arrive() {
    let _alone = alone();
    let all_live = || Census::take().classes.iter().map(|class| class.live).sum::<usize>();
    let before = all_live();
    // Those of one heap have a place for each class, and those of others the same places.
    let sizes = || (16..20_000).step_by(200).flat_map(|size| allocate_of(size, 1)).collect();
    let start = || (0..8).map(|_| IdleThread::after(sizes)).unzip();
    let (owners, blocks): (Vec<_>, Vec<_>) = start();
    free_elsewhere(blocks.into_iter().flatten().collect());
    let (others, blocks): (Vec<_>, Vec<Vec<_>>) = start();
    let mut blocks: Vec<_> = blocks.into_iter().map(Vec::into_iter).collect();
    let in_turn =
        (0..100).flat_map(|_| blocks.iter_mut().filter_map(Iterator::next).collect::<Vec<_>>());
    free_elsewhere(in_turn.collect());
    drop((owners, others));
    trim_wholly();
    assert_eq!(all_live(), before);
}

/// A block goes back to its own heap, of however many.
#[test]
fn a_thread_frees_blocks_of_many() {
    let _alone = alone();
    let before = live();
    let (owners, blocks): (Vec<_>, Vec<_>) = (0..80).map(|_| IdleThread::with(2)).unzip();
    let (first, second) =
        blocks.into_iter().map(|mut two| (two.remove(0), two)).unzip::<_, _, Vec<_>, Vec<_>>();
    free_elsewhere(first);
    free_elsewhere(second.into_iter().flatten().collect());
    drop(owners);
    global::trim();
    assert_eq!(live(), before);
}

/// Blocks that find their thread's stock full.
#[test]
fn a_thread_that_frees_its_own_blocks_loses_none() {
    let _alone = alone();
    let before = live();
    free(allocate(500));
    global::trim();
    assert_eq!(live(), before);
}

/// What the stacks of a thread or a heap held isn't in those of the next, wherever they lie.
#[test]
fn stacks_of_a_heap_that_serves_again_are_empty() {
    let _alone = alone();
    let mut heap = ArenaHeap::new().unwrap();
    for sizes in [[1000, 100, 40], [40, 100, 1000], [100, 1000, 40]] {
        for size in sizes {
            let layout = layout(size);
            let mut blocks: Vec<_> = (0..200).map(|_| heap.allocate(layout).unwrap()).collect();
            blocks.sort_by_key(|block| block.cast::<u8>());
            let starts = || blocks.iter().map(|block| block.cast::<u8>().as_ptr());
            assert!(starts().zip(starts().skip(1)).all(|(a, b)| b as usize - a as usize >= size));
            for block in blocks {
                // SAFETY: live, and freed once.
                unsafe { heap.deallocate(block.cast(), layout) };
            }
        }
        heap.reset();
    }
}

/// A thread that adopts a heap frees what the last one left there, though it never had a stock of that class.
#[test]
fn a_thread_that_frees_what_another_left_loses_none() {
    let _alone = alone();
    let before = live();
    let (owner, blocks) = IdleThread::with(500);
    drop(owner);
    free_elsewhere(blocks);
    assert_eq!(live(), before);
}

/// Threads that come one after another share one heap.
#[test]
fn the_heap_of_a_thread_that_ended_is_the_next_ones() {
    let _alone = alone();
    free_elsewhere(allocate(1));
    let areas = global::stats().areas;
    for _ in 0..50 {
        free_elsewhere(allocate(1));
    }
    assert_eq!(global::stats().areas, areas);
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

/// A block that grew over the arenas behind it gives all of them back: more often than an area has so many.
#[test]
fn the_arenas_that_a_block_grew_into_are_vacant_after_it() {
    let _alone = alone();
    let heap = ArenaHeap::new().unwrap();
    let sizes = [300 * MIB, 1200 * MIB, 3000 * MIB];
    let mut in_place = 0;
    for _ in 0..15 {
        let mut block = heap.allocate(layout(sizes[0])).unwrap().cast();
        for two in sizes.windows(2) {
            // SAFETY: the block is live, and has this size.
            let grown = unsafe { heap.grow(block, layout(two[0]), layout(two[1])) };
            let grown = grown.unwrap().cast();
            in_place += usize::from(grown == block);
            block = grown;
        }
        // SAFETY: live, and freed once.
        unsafe { heap.deallocate(block, layout(sizes[2])) };
    }
    assert!(in_place > 15, "it grew in place {in_place} times");
    assert_eq!(heap.stats().areas, 1);
}

/// What a block gave back as it shrank isn't taken for memory any more. The hardened build may keep a quarter as much behind it.
#[test]
fn what_a_block_shrinks_by_is_no_longer_counted() {
    let _alone = alone();
    for (size, new) in [(9 * MIB, 5 * MIB - 5000), (40 * MIB, 21 * MIB + 5000)] {
        let most = new + if cfg!(feature = "hardened") { new / 4 } else { 4096 };
        // Or else the heap is one that was kept, with memory of its own.
        global::trim();
        let heap = ArenaHeap::new().unwrap();
        let block = heap.allocate(layout(size)).unwrap().cast::<u8>();
        // SAFETY: the block is live, and has this size.
        unsafe {
            block.write_bytes(1, size);
            let shrunk = heap.shrink(block, layout(size), layout(new)).unwrap().cast();
            assert_eq!(block, shrunk);
            assert!(heap.stats().touched <= most, "{} of {new}", heap.stats().touched);
            heap.deallocate(block, layout(new));
        }
        assert!(heap.stats().vacant <= most, "{} of {new}", heap.stats().vacant);
    }
}
