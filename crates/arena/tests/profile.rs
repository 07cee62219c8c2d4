//! The profile says the truth within its standard error, on allocations that are known.

#![cfg(all(not(loom), not(miri)))]

use std::{
    fmt::Debug,
    hint::black_box,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

#[path = "common/children.rs"]
mod children;

use children::{Outcome, fork_and_wait};
use stratalloc_arena::{
    address::{self, Block, What},
    global,
    profile::{self, Estimate, Snapshot},
    tag::{self, Tag},
    validate,
};

const INTERVAL: usize = 64 << 10;

/// The profile is the process's: one test at a time has it.
fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bytes that a block for so many holds: between guards, its seal is among them.
fn held(size: usize) -> usize {
    let block = global::allocate(size, 8);
    let What::Block(Block { size, .. }) = address::what_is(block).what else { panic!("no block") };
    // SAFETY: the block is live, and not used any more.
    unsafe { global::deallocate(block) };
    size
}

/// Blocks with the bytes that each holds.
#[derive(Default)]
struct Blocks(Vec<(usize, usize)>);

impl Blocks {
    fn add(&mut self, block: *mut u8) {
        assert!(!block.is_null());
        // SAFETY: the block is live.
        self.0.push((block.expose_provenance(), unsafe { global::usable_size(block) }));
    }

    fn of(count: usize, size: usize) -> Self {
        let mut blocks = Self::default();
        blocks.allocate(count, size);
        blocks
    }

    fn allocate(&mut self, count: usize, size: usize) {
        (0..count).for_each(|_| self.add(global::allocate(size, 8)));
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|&(_, bytes)| bytes).sum()
    }

    /// Frees every block whose number `is_freed`.
    fn free(&mut self, mut is_freed: impl FnMut(usize) -> bool) {
        let mut number = 0;
        self.0.retain(|&(block, _)| {
            number += 1;
            let freed = is_freed(number - 1);
            if freed {
                // SAFETY: the block is live, and not used any more.
                unsafe { global::deallocate(std::ptr::with_exposed_provenance_mut(block)) };
            }
            !freed
        });
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        self.free(|_| true);
    }
}

/// How far estimates were from truths.
#[derive(Default)]
struct Errors {
    sum: f64,
    /// The sum of their variances, as estimated.
    variance: f64,
    rounds: usize,
    /// Rounds in which an error was more than two standard errors.
    beyond: usize,
}

impl Errors {
    fn note(&mut self, estimate: Estimate, before: Estimate, truth: usize) {
        let variance = estimate.standard_error().powi(2) - before.standard_error().powi(2);
        let error = estimate.bytes() as f64 - before.bytes() as f64 - truth as f64;
        self.sum += error;
        self.variance += variance;
        self.rounds += 1;
        self.beyond += usize::from(error.abs() > 2.0 * variance.sqrt());
    }

    /// The sum over all rounds is as far off as one time in ten million if all is right.
    fn check(&self, what: impl Debug) {
        let distance = self.sum / self.variance.sqrt();
        assert!(distance.abs() < 5.5, "{what:?}: {distance} standard errors");
    }

    #[cfg(not(feature = "hardened"))]
    /// Some 5 in 100 rounds are beyond two standard errors, and a few more where samples are few.
    fn check_spread(&self) {
        assert!(self.beyond * 5 < self.rounds, "{} of {} rounds", self.beyond, self.rounds);
    }

    #[cfg(not(feature = "hardened"))]
    fn add(&mut self, other: &Self) {
        self.rounds += other.rounds;
        self.beyond += other.beyond;
    }
}

fn snapshot() -> Snapshot {
    profile::snapshot().unwrap()
}

/// Rounds of each kind.
const ROUNDS: usize = 30;

/// The sizes of blocks that are looked at.
#[cfg(not(feature = "hardened"))]
const SIZES: [usize; 6] = [8, 100, 5000, 32 << 10, 50_000, 128 << 10];

/// Has blocks of each size made and looked at in many rounds, some thirty samples in each.
#[cfg(not(feature = "hardened"))]
fn each_size(mut look: impl FnMut(usize, usize, &mut Errors)) {
    let _alone = alone();
    let mut all = Errors::default();
    for size in SIZES {
        let mut errors = Errors::default();
        // So small ones are more than can be made, at longer intervals.
        let interval = if size == 8 { INTERVAL / 16 } else { INTERVAL };
        profile::start(interval).unwrap();
        // What the thread has of them is from before.
        drop(Blocks::of(300, size));
        (0..ROUNDS).for_each(|_| look(size, 30 * interval / size + 20, &mut errors));
        profile::stop();
        errors.check(size);
        all.add(&errors);
    }
    all.check_spread();
}

#[test]
#[cfg(not(feature = "hardened"))]
fn live_bytes_are_right_for_every_size() {
    each_size(|size, count, errors| {
        let before = snapshot().live();
        let mut blocks = Blocks::of(count, size);
        errors.note(snapshot().live(), before, blocks.bytes());
        blocks.free(|number| number % 3 == 1);
        errors.note(snapshot().live(), before, blocks.bytes());
        drop(blocks);
        assert_eq!(snapshot().live(), before, "what was freed is gone");
    });
}

/// A thread that uses a few blocks again and again never empties its stock.
#[test]
#[cfg(not(feature = "hardened"))]
fn what_was_allocated_counts_also_where_it_was_free_a_moment_ago() {
    each_size(|size, count, errors| {
        let before = snapshot();
        let mut bytes = 0;
        for _ in 0..count / 10 {
            bytes += Blocks::of(10, size).bytes();
        }
        let after = snapshot();
        errors.note(after.allocated(), before.allocated(), bytes);
        assert_eq!(after.live(), before.live());
    });
}

#[test]
#[cfg(not(feature = "hardened"))]
fn threads_and_frees_by_others_count() {
    each_size(|size, count, errors| {
        let before = snapshot().live();
        let make = || thread::spawn(move || Blocks::of(count / 4, size));
        let threads: Vec<_> = (0..4).map(|_| make()).collect();
        let blocks: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let bytes = blocks.iter().map(Blocks::bytes).sum();
        errors.note(snapshot().live(), before, bytes);
        drop(blocks);
        assert_eq!(snapshot().live(), before, "what another thread freed is gone");
    });
}

/// A thread that goes in and out of a tag while it allocates, and frees in it what isn't of it.
#[test]
#[cfg(not(feature = "hardened"))]
fn blocks_of_tags_are_sampled_as_others_are() {
    let tag = Tag::named("sampled").unwrap();
    each_size(|size, count, errors| {
        let before = snapshot();
        let mut blocks = Blocks::default();
        for number in 0..count {
            let wanted = (number % 3 != 0).then_some(tag);
            let _entered = wanted.map(tag::enter);
            let block = global::allocate(size, 8);
            assert_eq!(tag::of(block), wanted);
            blocks.add(block);
        }
        errors.note(snapshot().live(), before.live(), blocks.bytes());
        let allocated = blocks.bytes();
        tag::run(tag, || blocks.free(|number| number % 2 == 1));
        let after = snapshot();
        errors.note(after.live(), before.live(), blocks.bytes());
        errors.note(after.allocated(), before.allocated(), allocated);
        tag::run(tag, || {
            // Some of them aren't of the tag, and must not serve there.
            drop(blocks);
            let next = Blocks::of(1, size);
            assert_eq!(tag.figures().live_blocks, 1);
            drop(next);
        });
        assert_eq!(snapshot().live(), before.live(), "what was freed is gone");
        assert_eq!(tag.figures().live_blocks, 0);
    });
}

#[test]
fn sampling_begins_and_ends_while_a_thread_is_in_a_tag() {
    let _alone = alone();
    let tag = Tag::named("begins").unwrap();
    tag::run(tag, || {
        let early = Blocks::of(1, 1000);
        profile::start(1).unwrap();
        let before = snapshot().live();
        let mut late = Blocks::of(100, 1000);
        assert_eq!(snapshot().live().samples() - before.samples(), 100);
        late.free(|number| number % 2 == 0);
        assert_eq!(snapshot().live().samples() - before.samples(), 50);
        profile::stop();
        let after = Blocks::of(100, 1000);
        assert_eq!(snapshot().live().samples() - before.samples(), 50);
        assert_eq!(tag::current(), Some(tag));
        assert_eq!(tag.figures().live_blocks, 151);
        drop((early, late, after));
        assert_eq!(snapshot().live(), before);
    });
    assert_eq!(tag.figures().live_blocks, 0);
    validate().unwrap();
}

/// The thread stays watched as it leaves the last one.
#[test]
fn a_sampled_thread_is_in_no_tag_once_it_left_as_often_as_it_entered_in_whatever_order() {
    let _alone = alone();
    profile::start(INTERVAL).unwrap();
    let [first, second] =
        ["order one", "order two"].map(|name| tag::enter(Tag::named(name).unwrap()));
    drop(first);
    drop(second);
    assert_eq!(tag::current(), None);
    profile::stop();
}

/// Each is a free of what was and an allocation of what is, in place or not.
#[test]
fn reallocated_blocks_count_with_their_new_size() {
    let _alone = alone();
    for (from, to) in
        [(40, 400), (400, 40), (20_000, 100_000), (100_000, 300_000), (300_000, 50_000)]
    {
        let mut errors = Errors::default();
        let [of_first, of_second] = [from, to].map(held);
        profile::start(INTERVAL).unwrap();
        // So many that a kind of block which isn't sampled anew is always noticed.
        for _ in 0..3 * ROUNDS {
            let before = snapshot();
            let mut blocks = Blocks::of((30 * INTERVAL / from.max(to)).max(20), from);
            let (first, second) = (blocks.0.len() * of_first, blocks.0.len() * of_second);
            for (block, _) in &mut blocks.0 {
                let old = std::ptr::with_exposed_provenance_mut(*block);
                // SAFETY: live, and given up.
                let new = unsafe { global::reallocate(old, to, 8) };
                assert!(!new.is_null());
                *block = new.expose_provenance();
            }
            let after = snapshot();
            errors.note(after.live(), before.live(), second);
            errors.note(after.allocated(), before.allocated(), first + second);
            drop(blocks);
            assert_eq!(snapshot().live(), before.live());
        }
        profile::stop();
        errors.check((from, to));
    }
}

#[test]
fn blocks_far_beyond_the_interval_are_known_exactly() {
    let _alone = alone();
    profile::start(INTERVAL).unwrap();
    let before = snapshot().live();
    for size in [4 << 20, 1 << 30, (4 << 30) + 1] {
        let mut block = global::allocate(size, 8);
        if block.is_null() {
            continue; // No address space for it.
        }
        for size in [size, size * 2, size] {
            // SAFETY: live, and given up.
            block = unsafe { global::reallocate(block, size, 8) };
            // SAFETY: live.
            let usable = unsafe { global::usable_size(block) };
            let now = snapshot().live();
            assert_eq!(now.bytes() - before.bytes(), usable as u64, "{size}");
            assert_eq!((now.blocks() - before.blocks(), now.samples() - before.samples()), (1, 1));
        }
        // SAFETY: live, and not used any more.
        unsafe { global::deallocate(block) };
        assert_eq!(snapshot().live(), before);
    }
    profile::stop();
}

#[test]
fn sampled_blocks_are_as_aligned_and_as_zero_as_others() {
    let _alone = alone();
    profile::start(1).unwrap();
    for (size, align) in
        [(1, 8), (24, 64), (100, 4096), (9000, 8192), (40_000, 64 << 10), (3 << 20, 1 << 20)]
    {
        for _ in 0..3 {
            let block = global::allocate_zeroed(size, align);
            assert!(!block.is_null() && block.addr().is_multiple_of(align), "{size} at {align}");
            // SAFETY: live, of this size; then not used any more.
            unsafe {
                let bytes = std::slice::from_raw_parts_mut(block, size);
                assert!(bytes.iter().all(|&byte| byte == 0), "{size} at {align}");
                bytes.fill(0xff);
                global::deallocate_sized(block, size, align);
            }
        }
    }
    profile::stop();
}

#[inline(never)]
fn here(blocks: &mut Blocks) {
    black_box(());
    blocks.allocate(1, 1 << 20);
}

#[inline(never)]
fn there(blocks: &mut Blocks) {
    blocks.allocate(1, 1 << 20);
    black_box(());
}

#[test]
#[cfg(target_env = "gnu")]
fn sites_are_told_apart_by_their_calls() {
    let _alone = alone();
    profile::start(1024).unwrap();
    let mut blocks = Blocks::default();
    let live_of = |place: fn(&mut Blocks)| {
        let code = place as usize..place as usize + 64;
        let snapshot = snapshot();
        let sites = snapshot.sites().filter(|site| site.live.samples() > 0);
        let found = sites.filter(|site| site.trace.iter().any(|call| code.contains(call)));
        found.map(|site| site.live.blocks()).collect::<Vec<_>>()
    };
    (0..3).for_each(|_| here(&mut blocks));
    (0..2).for_each(|_| there(&mut blocks));
    assert_eq!((live_of(here), live_of(there)), (vec![3], vec![2]));
    blocks.free(|number| number < 2);
    assert_eq!((live_of(here), live_of(there)), (vec![1], vec![2]));
    profile::stop();
}

#[test]
fn a_child_goes_on_by_itself() {
    let _alone = alone();
    profile::start(INTERVAL).unwrap();
    let mut blocks = Blocks::of(20, 1 << 20);
    let before = snapshot().live();
    let child = || {
        let more = Blocks::of(20, 1 << 20);
        let grown = snapshot().live().bytes() - before.bytes() == more.bytes() as u64;
        drop(more);
        blocks.free(|_| true);
        // A thread that the child starts is sampled too.
        let thread = thread::spawn(|| Blocks::of(3, 1 << 20)).join().unwrap();
        grown && snapshot().live().samples() + 20 == before.samples() + thread.0.len() as u64
    };
    assert_eq!(fork_and_wait(60, child), Outcome::Right);
    assert_eq!(snapshot().live(), before, "the parent has what it had");
    profile::stop();
}

/// Threads that allocate all the while: the lock is taken at some forks.
#[test]
fn a_fork_finds_the_samples_whole() {
    let _alone = alone();
    profile::start(256).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    drop(Blocks::of(10, 200));
                }
            });
        }
        for _ in 0..30 {
            let outcome = fork_and_wait(60, || {
                drop(Blocks::of(100, 200));
                snapshot().live().samples() < 100_000
            });
            assert_eq!(outcome, Outcome::Right);
        }
        done.store(true, Ordering::Relaxed);
    });
    profile::stop();
}

#[test]
fn once_it_is_off_nothing_is_sampled_and_frees_are_seen() {
    let _alone = alone();
    profile::start(64).unwrap();
    assert_eq!(profile::interval(), Some(64));
    let before = snapshot();
    let blocks = Blocks::of(100, 1000);
    assert!(snapshot().live().samples() >= before.live().samples() + 50);
    profile::stop();
    assert_eq!(profile::interval(), None);
    let allocated = snapshot().allocated();
    drop(Blocks::of(1000, 1000));
    drop(blocks);
    let after = snapshot();
    assert_eq!((after.allocated(), after.live()), (allocated, before.live()));
    assert_eq!(after.lost(), 0);
}
