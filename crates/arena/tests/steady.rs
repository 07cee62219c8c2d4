//! Memory in steady state: blocks above the classes, replaced at random, take little more than they hold, and those that
//! grow have the memory that is there.

// The sanitizer keeps what is freed, and its own books beside it.
// In the hardened build no memory of a freed block is kept.
#![cfg(not(any(loom, asan, tsan, feature = "hardened")))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/random.rs"]
mod random;
#[path = "common/resident.rs"]
mod resident;

use std::time::Duration;

use random::Random;
use resident::{MIB, resident};
use stratalloc_arena::{Census, Config, global};

/// Bytes of blocks that live at once.
const LIVE: usize = 160 * MIB;

/// The most that is resident, in hundredths of what lives, while blocks of `least` to `most` bytes are replaced, of which so
/// many bytes live at once.
fn worst(least: usize, most: usize, all: usize) -> usize {
    let before = resident();
    let count = all / usize::midpoint(least, most);
    let mut random = Random(88_172_645_463_325_252);
    let mut blocks = vec![(core::ptr::null_mut::<u8>(), 0); count];
    let (mut live, mut worst) = (0, 0);
    for step in 0..count * 8 {
        let (block, size) = &mut blocks[random.below(count)];
        // SAFETY: null, or allocated before and freed once.
        unsafe { global::deallocate(*block) };
        live -= *size;
        *size = least + random.below(most - least);
        *block = global::allocate(*size, 8);
        // SAFETY: so many bytes, just allocated.
        unsafe { block.write_bytes(1, *size) };
        live += *size;
        if step > count * 4 && step % (count / 8) == 0 {
            worst = worst.max((resident() - before) * 100 / live);
        }
    }
    for (block, _) in blocks {
        // SAFETY: null, or freed once.
        unsafe { global::deallocate(block) };
    }
    global::trim();
    worst
}

#[test]
fn a_cache_of_buffers_takes_little_more_than_it_holds() {
    let _alone = alone::alone();
    for (least, most) in
        [(33_000, 600_000), (70_000, 140_000), (33_000, 66_000), (200_000, 2_000_000)]
    {
        let worst = worst(least, most, LIVE);
        assert!(worst <= 135, "{worst} % for blocks of {least} to {most} bytes");
    }
}

#[test]
fn a_cache_of_larger_buffers_keeps_little_beside_what_it_holds() {
    let _alone = alone::alone();
    for (least, most) in [(1_000_000, 8_000_000), (3_000_000, 20_000_000)] {
        let worst = worst(least, most, 400 * MIB);
        assert!(worst <= 120, "{worst} % for blocks of {least} to {most} bytes");
    }
}

#[test]
fn use_that_rises_and_falls_keeps_its_memory() {
    let _alone = alone::alone();
    let (size, base) = (4_000_000, global::allocate(64 * MIB, 8));
    let swing = || {
        let blocks = [(); 25].map(|()| {
            let block = global::allocate(size, 8);
            // SAFETY: so many bytes, just allocated.
            unsafe { block.write_bytes(1, size) };
            block
        });
        for block in blocks {
            // SAFETY: freed once.
            unsafe { global::deallocate(block) };
        }
    };
    (0..4).for_each(|_| swing());
    let before = Census::take();
    (0..12).for_each(|_| swing());
    let given_back = Census::take().since(&before).events.purged;
    assert_eq!(given_back, 0, "went back, and was faulted in again");
    // SAFETY: freed once.
    unsafe { global::deallocate(base) };
    global::trim();
}

/// The bytes that go back while a block of 64 KiB to 4 MiB among 32 is replaced at random, so many times, in thousandths
/// of the bytes of all of these.
fn given_back(times: usize) -> u64 {
    let mut random = Random(88_172_645_463_325_252);
    let (mut blocks, mut all) = ([core::ptr::null_mut(); 32], 0);
    let before = Census::take();
    for _ in 0..times {
        let least = (64 << 10) << random.below(6);
        let size = least + random.below(least);
        let block = &mut blocks[random.below(32)];
        // The new one comes first, as where a container is replaced.
        let old = core::mem::replace(block, global::allocate(size, 8));
        // SAFETY: null, or allocated before and freed once.
        unsafe { global::deallocate(old) };
        all += size as u64;
    }
    let given_back = Census::take().since(&before).events.purged;
    for block in blocks {
        // SAFETY: null, or freed once.
        unsafe { global::deallocate(block) };
    }
    given_back * 1000 / all
}

#[test]
fn blocks_that_are_replaced_have_the_memory_of_those_before_them() {
    let _alone = alone::alone();
    Config::new().decay(Duration::ZERO).apply().unwrap();
    let given_back = given_back(8000);
    assert!(given_back < 8, "{given_back} in 1000 bytes went back, to be faulted in again");
    Config::new().apply().unwrap();
    global::trim();
}

#[test]
fn a_block_has_the_memory_that_is_nearest_to_its_size() {
    let _alone = alone::alone();
    let sizes = [7 * MIB, 9 * MIB, 5 * MIB, 6 * MIB].map(|size| size + (16 << 10));
    let blocks = sizes.map(|size| global::allocate(size, 8));
    for block in blocks {
        // SAFETY: freed once.
        unsafe { global::deallocate(block) };
    }
    for number in [2, 0, 3, 1] {
        // Another size, if little else: one of the same would have its place in any case.
        let again = global::allocate(sizes[number] - (8 << 10), 8);
        assert_eq!(again, blocks[number], "{sizes:?}: {number}");
    }
    for block in blocks {
        // SAFETY: allocated again, and freed once.
        unsafe { global::deallocate(block) };
    }
    global::trim();
}

/// The page faults of this thread so far.
fn page_faults() -> i64 {
    // SAFETY: all zero is a `rusage`, which the system writes to.
    unsafe {
        let mut usage = core::mem::zeroed::<libc::rusage>();
        libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage);
        usage.ru_minflt
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_block_has_the_memory_beside_another() {
    let _alone = alone::alone();
    Config::new().huge_pages(false).apply().unwrap();
    let filled = |size: usize| {
        let block = global::allocate(size, 8);
        // SAFETY: so many bytes, just allocated.
        unsafe { block.write_bytes(1, size) };
        block
    };
    // So much is held that it is worth it.
    let held = global::allocate(128 * MIB, 8);
    // SAFETY: freed once.
    unsafe { global::deallocate(filled(16 * MIB)) };
    let beside = filled(9 * MIB);
    let before = page_faults();
    let block = filled(6 * MIB);
    let faults = page_faults() - before;
    assert!(faults < 400, "{faults} page faults, of 1,536 pages");
    // SAFETY: so many bytes, and freed once.
    unsafe {
        assert!((0..9 * MIB).step_by(4096).all(|at| beside.add(at).read() == 1));
        for block in [beside, block, held] {
            global::deallocate(block);
        }
    }
    stratalloc_arena::validate().unwrap();
    Config::new().apply().unwrap();
    global::trim();
}

/// A block grown by doubling from 128 KiB to so many bytes, all of them written to.
fn grown(to: usize) -> *mut u8 {
    let (mut block, mut size) = (core::ptr::null_mut::<u8>(), 128 << 10);
    while size <= to {
        // SAFETY: null, or live; the old address is forgotten.
        block = unsafe { global::reallocate(block, size, 8) };
        // SAFETY: so many bytes, just allocated.
        unsafe { block.write_bytes(1, size) };
        size *= 2;
    }
    block
}

#[test]
fn a_block_that_grows_has_the_memory_of_one_that_grew_before() {
    let _alone = alone::alone();
    // SAFETY: allocated, and freed once.
    unsafe { global::deallocate(grown(8 * MIB)) };
    let before = resident();
    let block = grown(MIB);
    let gone = before.saturating_sub(resident());
    assert!(gone < MIB, "{gone} bytes went, of {MIB} to 8 times that");
    // SAFETY: allocated, and freed once.
    unsafe { global::deallocate(block) };
    global::trim();
}
