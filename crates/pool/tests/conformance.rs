//! The contract of every allocator, tried on the pool in each of its modes.

#![cfg_attr(feature = "nightly", feature(allocator_api))]

mod common;

use std::alloc::Layout;

use common::{Memory, SEED_HEAP};
use stratalloc_core::Locked;
use stratalloc_pool::{Bare, Checked, Config, Full, Mode, Pool, Spilling, StaticPool, Wide};
use stratalloc_testkit::Suite;

const SIZES: [usize; 9] = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096];

/// Reports go to standard error, where a test that dies of one shows them.
fn report_to_stderr() {
    // SAFETY: it doesn't unwind.
    unsafe { stratalloc_core::diag::set_abort(|| std::process::abort()) };
    stratalloc_core::diag::set_sink(|line| eprint!("{}", String::from_utf8_lossy(line)));
}

fn conforms<M: Mode>(align: usize) {
    report_to_stderr();
    let mut memory = Memory::new(SEED_HEAP);
    let pool = Pool::<M>::new(memory.bytes(), &Config::new(&SIZES).align(align)).unwrap();
    Suite::new(|| &pool)
        .max_size(4096)
        .max_align(4096)
        .serves(|layout: Layout| layout.size() == 0 || layout.align() <= align)
        .bounded()
        .owns()
        .usable_size()
        .resize_in_place()
        .free_unsized()
        .run();
    pool.validate().unwrap();
}

#[test]
fn bare() {
    conforms::<Bare>(8);
}

#[test]
fn checked_packed() {
    conforms::<Checked>(1);
}

#[test]
fn full_aligned() {
    conforms::<Full>(256);
}

#[test]
fn spilling_bare() {
    conforms::<Spilling<Bare>>(16);
}

#[test]
fn wide_spilling_full() {
    conforms::<Wide<Spilling<Full>>>(8);
}

/// Behind a lock, from several threads.
#[test]
fn locked() {
    report_to_stderr();
    let mut memory = Memory::new(SEED_HEAP);
    let pool: Pool = Pool::new(memory.bytes(), &Config::new(&SIZES).align(16)).unwrap();
    let pool = Locked::<parking_lot::RawMutex, _>::new(pool);
    Suite::new(|| &pool).max_size(4096).max_align(16).threads().run();
}

/// A static of one-byte blocks, packed: its state is written at the first request.
#[test]
fn a_static_pool_serves_from_its_first_request() {
    static POOL: StaticPool<parking_lot::RawMutex, 4096> =
        StaticPool::new(Config::new(&[1, 100]).packed());
    let blocks = [POOL.malloc(1).unwrap(), POOL.malloc(1).unwrap(), POOL.malloc(2).unwrap()];
    // SAFETY: the blocks are ours, and not used again.
    unsafe {
        assert_eq!(POOL.free(blocks[1]), Ok(()));
        assert_eq!(POOL.malloc(1), Some(blocks[1]));
        for block in blocks {
            POOL.free(block).unwrap();
        }
    }
    assert!(POOL.with(|pool| pool.validate().is_ok()));
}

#[test]
#[cfg(feature = "nightly")]
fn std_boxes_and_vectors_live_in_a_pool() {
    let mut memory = Memory::new(SEED_HEAP);
    let pool: Pool = Pool::new(memory.bytes(), &Config::new(&SIZES)).unwrap();
    let mut numbers = Vec::new_in(&pool);
    numbers.extend((0..100_u64).map(|number| Box::new_in(number, &pool)));
    assert!(numbers.iter().map(|number| **number).eq(0..100));
    assert!(Box::try_new_in([0_u8; 4097], &pool).is_err());
    drop(numbers);
    assert!(pool.iter_stats().all(|pool| pool.counters.is_some_and(|counts| counts.used == 0)));
}
