//! Freed blocks wait in the paranoid build, and don't wait for ever.

#![cfg(all(feature = "paranoid", not(any(loom, asan, tsan))))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/children.rs"]
mod children;
#[path = "common/filled.rs"]
mod filled;

use std::{
    collections::BTreeSet,
    sync::{MutexGuard, mpsc},
    thread,
    time::Duration,
};

use children::{Outcome, fork_and_wait};
use filled::{filled, free};
use stratalloc_arena::{Config, address, global, validate};

const SIZE: usize = 500;

/// A test's turn, in which nothing waits.
fn alone() -> MutexGuard<'static, Option<std::path::PathBuf>> {
    let alone = alone::alone();
    Config::new().decay(Duration::ZERO).apply().unwrap();
    global::trim();
    alone
}

/// Bytes of blocks that aren't free: those that the program holds, those that wait, and those in stacks.
fn in_use() -> usize {
    global::stats().in_use
}

#[test]
fn a_freed_block_is_not_handed_out_again_soon() {
    let _alone = alone();
    for size in [1, 100, SIZE, 3000, 20_000] {
        for _ in 0..10 {
            let freed = filled(size);
            free(freed);
            // More than the stock has.
            let others: Vec<_> = (0..300).map(|_| filled(size)).collect();
            assert!(!others.contains(&freed), "{size}");
            others.into_iter().for_each(free);
        }
    }
    assert_eq!(validate(), Ok(()));
}

#[test]
fn what_waits_is_bounded_and_goes_back_with_a_trim() {
    let _alone = alone();
    let before = in_use();
    for size in [16, SIZE, 30_000] {
        let blocks: Vec<_> = (0..4000).map(|_| filled(size)).collect();
        blocks.into_iter().for_each(free);
        // What waits, and the stack of the class.
        let waiting = in_use() - before;
        assert!(waiting <= (1 << 20) + (256 << 10), "{size}: {waiting}");
    }
    assert!(in_use() > before + (1 << 20) - (64 << 10), "nothing waits");
    global::trim();
    assert_eq!(in_use(), before);
    assert_eq!(validate(), Ok(()));
}

#[test]
fn what_waits_goes_back_as_its_thread_ends() {
    let _alone = alone();
    let before = in_use();
    for _ in 0..3 {
        let freed_elsewhere = filled(SIZE).expose_provenance();
        thread::spawn(move || {
            free(std::ptr::with_exposed_provenance_mut(freed_elsewhere));
            (0..500).map(|_| filled(SIZE)).collect::<Vec<_>>().into_iter().for_each(free);
            assert!(in_use() >= 500 * SIZE);
        })
        .join()
        .unwrap();
    }
    global::trim();
    // The trim itself begins batches.
    assert!(in_use() <= before + (32 << 10), "{} of {before}", in_use());
    assert_eq!(validate(), Ok(()));
}

#[test]
fn what_waits_goes_back_in_the_course_of_the_decay() {
    let _alone = alone();
    let block = filled(SIZE);
    free(block);
    let is_free = || {
        let address::What::Block(block) = address::what_is(block).what else { return true };
        block.state == address::State::Free
    };
    assert!(!is_free());
    Config::new().decay(Duration::from_millis(20)).apply().unwrap();
    // Slow paths come, but no free of a small block.
    for _ in 0..500 {
        free(filled(100 << 10));
        thread::sleep(Duration::from_millis(1));
        // It waits no more, but lies in the stack of its class, from which the next is taken.
        let next = filled(SIZE);
        if next == block || is_free() {
            return;
        }
    }
    panic!("it waits still");
}

#[test]
fn blocks_of_another_heap_wait_too() {
    let _alone = alone();
    let (sender, blocks) = mpsc::channel::<usize>();
    let (ask, asked) = mpsc::channel::<()>();
    let owner = thread::spawn(move || {
        while asked.recv().is_ok() {
            sender.send(filled(SIZE).expose_provenance()).unwrap();
        }
    });
    let mut seen = BTreeSet::new();
    for _ in 0..700 {
        ask.send(()).unwrap();
        let block = blocks.recv().unwrap();
        // Without the quarantine, batches of 29 would go back and be handed out again.
        assert!(seen.insert(block));
        free(std::ptr::with_exposed_provenance_mut(block));
    }
    drop(ask);
    owner.join().unwrap();
    assert_eq!(validate(), Ok(()));
}

#[test]
fn a_child_goes_on_with_its_own_and_forgets_those_of_other_threads() {
    let _alone = alone();
    (0..300).map(|_| filled(SIZE)).collect::<Vec<_>>().into_iter().for_each(free);
    let (ready, is_ready) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    let other = thread::spawn(move || {
        (0..300).map(|_| filled(SIZE)).collect::<Vec<_>>().into_iter().for_each(free);
        ready.send(()).unwrap();
        let _ = ended.recv();
    });
    is_ready.recv().unwrap();
    let outcome = fork_and_wait(60, || {
        // It gets the heap of the thread that the child lacks.
        let thread = thread::spawn(|| {
            (0..2000).for_each(|_| free(filled(SIZE)));
            assert_eq!(validate(), Ok(()));
        });
        thread.join().unwrap();
        (0..2000).for_each(|_| free(filled(SIZE)));
        validate() == Ok(())
    });
    drop(end);
    other.join().unwrap();
    assert_eq!(outcome, Outcome::Right);
}

/// How many of these blocks lie right behind the one before.
fn in_order(blocks: &[*mut u8]) -> usize {
    blocks.windows(2).filter(|pair| pair[0].wrapping_add(SIZE + 12) == pair[1]).count()
}

#[test]
fn blocks_asked_for_in_a_row_lie_in_random_order() {
    let _alone = alone();
    let blocks: Vec<_> = (0..320).map(|_| filled(SIZE)).collect();
    let distances: BTreeSet<_> =
        blocks.windows(2).map(|pair| pair[1].addr().wrapping_sub(pair[0].addr())).collect();
    // Some do so by chance: of each sixteen that a refill brings, one in sixteen.
    assert!(in_order(&blocks) < 60, "{}", in_order(&blocks));
    assert!(distances.len() > 20, "{distances:?}");
    blocks.into_iter().for_each(free);
}

#[test]
fn threads_that_write_to_neighbours_and_free_them_are_no_fault() {
    let _alone = alone();
    for size in [8, 40, SIZE] {
        let (sender, blocks) = mpsc::channel::<usize>();
        let other = thread::spawn(move || {
            for block in blocks {
                free(std::ptr::with_exposed_provenance_mut(block));
            }
        });
        // Every other block is freed there, while those beside it are freed and handed out here.
        for round in 0..200_000_u32 {
            let block = filled(size);
            // SAFETY: just allocated.
            unsafe { block.write_bytes(0x5a, size) };
            if round % 2 == 0 {
                sender.send(block.expose_provenance()).unwrap();
            } else {
                free(block);
            }
        }
        drop(sender);
        other.join().unwrap();
    }
    assert_eq!(validate(), Ok(()));
}
