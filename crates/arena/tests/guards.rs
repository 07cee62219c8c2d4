//! Fenced blocks: how many there are, that they are as good as others, and that a wrong access to one is a fault.

#![cfg(all(not(loom), not(miri)))]

#[path = "common/children.rs"]
mod children;

use std::{
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use children::{Outcome, fork_and_wait};
use stratalloc_arena::{
    Config,
    address::{self, Block, Found, Kind, State, What},
    global, profile,
    tag::{self, Tag},
    validate,
};
use stratalloc_pages::os::faults::{self, Fault};

const PAGE: usize = 4096;

/// Guards are the process's: one test at a time has them, and sets them so.
fn guarded(one_in: usize, slots: usize) -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    let alone = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    Config::new().guards(one_in).guard_slots(slots).apply().unwrap();
    alone
}

fn free(block: *mut u8) {
    // SAFETY: each test frees what it allocated, and wrong frees end a child.
    unsafe { global::deallocate(block) };
}

/// The fenced block at an address, if there is one, or was.
fn fenced(address: *const u8) -> Option<Block> {
    match address::what_is(address) {
        Found { what: What::Block(block), .. } if block.kind == Kind::Fenced => Some(block),
        _ => None,
    }
}

/// A fenced block, which begins at its page's start, or ends at its end.
fn placed(size: usize, align: usize, at_start: bool) -> *mut u8 {
    let blocks: Vec<_> = (0..64).map(|_| global::allocate(size, align)).collect();
    let is_it = |block: &&*mut u8| (block.addr() % PAGE == 0) == at_start;
    let found = *blocks.iter().filter(|&&block| fenced(block).is_some()).find(is_it).unwrap();
    blocks.into_iter().filter(|&block| block != found).for_each(free);
    found
}

#[test]
#[cfg_attr(
    feature = "hardened",
    ignore = "with its seal, a block of 4,096 bytes is too large to be fenced"
)]
fn one_in_so_many_is_fenced_whatever_its_size() {
    // Six standard deviations.
    for (one_in, each, deviation) in [(1, 1000, 0), (50, 20_000, 119), (1000, 80_000, 54)] {
        let _alone = guarded(one_in, 1024);
        for size in [1, 24, 200, 1000, 4096] {
            let count = (0..each)
                .filter(|_| {
                    let block = global::allocate(size, 8);
                    let is_fenced = fenced(block).is_some();
                    free(block);
                    is_fenced
                })
                .count();
            assert!(count.abs_diff(each / one_in) <= deviation, "{count} of {size}, 1/{one_in}");
        }
        for (size, align) in [(4097, 8), (40_000, 8), (1 << 20, 8), (100, 8192)] {
            let block = global::allocate(size, align);
            assert_eq!(fenced(block), None, "{size} at {align}");
            free(block);
        }
    }
}

#[test]
fn none_is_fenced_once_guards_are_off_and_those_that_were_stay_good() {
    let alone = guarded(1, 64);
    let kept = global::allocate(100, 8);
    assert!(fenced(kept).is_some());
    drop(alone);
    let _alone = guarded(0, 64);
    for size in [8, 100, 4000] {
        let blocks: Vec<_> = (0..300).map(|_| global::allocate(size, 8)).collect();
        assert!(blocks.iter().all(|&block| fenced(block).is_none()));
        blocks.into_iter().for_each(free);
    }
    assert_eq!(fenced(kept).unwrap().state, State::Live);
    // SAFETY: it is live.
    assert_eq!(unsafe { global::usable_size(kept) }, 100);
    free(kept);
    assert_eq!(fenced(kept).unwrap().state, State::Free);
}

#[test]
#[cfg_attr(
    feature = "hardened",
    ignore = "with its seal, a block of 4,096 bytes is too large to be fenced"
)]
fn a_block_lies_at_an_end_of_its_page_at_its_alignment() {
    let _alone = guarded(1, 512);
    for size in [1, 7, 8, 24, 100, 1000, 4095, 4096] {
        for align in [1, 8, 16, 64, 1024, 4096] {
            let (mut starts, mut ends) = (0, 0);
            for _ in 0..64 {
                let block = global::allocate(size, align);
                let Some(found) = fenced(block) else { panic!("{size} at {align}") };
                assert_eq!((found.start, found.size), (block.addr(), size));
                assert_eq!(block.addr() % align, 0);
                // SAFETY: it is live.
                assert_eq!(unsafe { global::usable_size(block) }, size);
                let left = PAGE - block.addr() % PAGE - size;
                starts += usize::from(block.addr() % PAGE == 0);
                ends += usize::from(left < align);
                free(block);
            }
            assert!(starts > 10 && ends > 10, "{size} at {align}: {starts}, {ends}");
        }
    }
}

#[test]
#[cfg_attr(
    feature = "hardened",
    ignore = "with its seal, a block of 4,096 bytes is too large to be fenced"
)]
fn a_block_keeps_its_content_as_it_grows_and_shrinks() {
    let _alone = guarded(1, 512);
    let mut block = global::allocate_zeroed(16, 8);
    // SAFETY: each access is within the block, which holds `size` bytes.
    unsafe {
        assert!((0..16).all(|at| block.add(at).read() == 0));
        block.write_bytes(7, 16);
        let mut size = 16;
        for new in [17, 400, 399, 100, 5000, 70_000, 300, 4096, 1 << 20, 16] {
            block = global::reallocate(block, new, 8);
            assert_eq!(fenced(block).is_some(), new <= PAGE, "{new}");
            assert!((0..size.min(new)).all(|at| block.add(at).read() == 7), "{size} to {new}");
            block.write_bytes(7, new);
            size = new;
        }
        global::deallocate_sized(block, 16, 8);
    }
    assert_eq!(fenced(block).unwrap().state, State::Free);
}

#[test]
fn when_all_slots_are_live_others_are_as_ever() {
    let _alone = guarded(1, 8);
    let blocks: Vec<_> = (0..100).map(|_| global::allocate(64, 8)).collect();
    let count = blocks.iter().filter(|&&block| fenced(block).is_some()).count();
    assert!(count <= 8, "{count}");
    blocks.into_iter().for_each(free);
    validate().unwrap();
}

#[test]
fn a_wrong_access_is_a_fault() {
    let _alone = guarded(1, 1024);
    let (at_start, at_end) = (placed(48, 8, true), placed(48, 8, false));
    let freed = placed(48, 8, true);
    free(freed);
    let places = [at_start.wrapping_sub(1), at_end.wrapping_add(48), freed, freed.wrapping_add(47)];
    for place in places {
        // SAFETY: the child ends by the access.
        let read = || unsafe { place.read_volatile() } == 0;
        assert_eq!(fork_and_wait(20, read), Outcome::Killed(libc::SIGSEGV), "{place:?}");
    }
    for (place, bytes) in [(at_start, 0..48), (at_end, 0..48)] {
        let write = || {
            // SAFETY: within the block, which is live in the child too.
            bytes.clone().for_each(|at| unsafe { place.add(at).write_volatile(1) });
            free(place);
            true
        };
        assert_eq!(fork_and_wait(20, write), Outcome::Right);
        free(place);
    }
}

#[test]
fn a_wrong_free_ends_the_process() {
    let _alone = guarded(1, 1024);
    let (block, freed) = (placed(48, 8, true), placed(48, 8, true));
    free(freed);
    let wrongs = [freed, block.wrapping_add(8), block.wrapping_add(PAGE)];
    for wrong in wrongs {
        let act = || {
            free(wrong);
            true
        };
        assert_eq!(fork_and_wait(20, act), Outcome::Killed(libc::SIGABRT), "{wrong:?}");
    }
    let overrun = || {
        // SAFETY: not in the block, but in its page; the child ends by the free.
        unsafe { block.add(48).write_volatile(0) };
        free(block);
        true
    };
    assert_eq!(fork_and_wait(20, overrun), Outcome::Killed(libc::SIGABRT));
    free(block);
}

/// Whichever call is the first that fails, what is told holds.
#[test]
fn it_is_told_that_the_system_refuses_guards() {
    /// Whether guards are on once calls failed, and whether a block is fenced then.
    fn under(doomed: Range<u64>) -> (bool, bool) {
        faults::fail_as(Fault::Refused, doomed);
        Config::new().guards(1).apply().unwrap();
        faults::stop();
        let block = global::allocate(100, 8);
        let is_fenced = fenced(block).is_some();
        free(block);
        (Config::guards_are_on(), is_fenced)
    }
    let refused = || {
        // Before there is a pool.
        let refusals: Vec<_> = (0..8).map(|call| under(call..u64::MAX)).collect();
        let off = refusals.iter().take_while(|&&(is_on, _)| !is_on);
        let is_told = off.clone().count() > 1 && off.clone().all(|&(_, is_fenced)| !is_fenced);
        let is_well = under(u64::MAX..u64::MAX) == (true, true);
        Config::new().apply().unwrap();
        is_told && is_well && !Config::guards_are_on()
    };
    in_a_process_of_its_own("it_is_told_that_the_system_refuses_guards", refused);
}

/// Another fault is handled as it was before.
#[test]
fn a_handler_of_others_is_called_for_their_faults() {
    extern "C" fn handled(_signal: i32) {
        // SAFETY: no preconditions.
        unsafe { libc::_exit(0) };
    }
    let act = || {
        // SAFETY: all zero is an action; the child ends by the access.
        unsafe {
            let mut action: libc::sigaction = core::mem::zeroed();
            action.sa_sigaction = handled as *const () as usize;
            libc::sigaction(libc::SIGSEGV, &raw const action, core::ptr::null_mut());
            Config::new().guards(1).apply().unwrap();
            core::ptr::without_provenance_mut::<u8>(64).write_volatile(1);
        }
        false
    };
    in_a_process_of_its_own("a_handler_of_others_is_called_for_their_faults", act);
}

/// Runs what must return true where no guards were set yet, as other tests may have: this test does, in another process.
fn in_a_process_of_its_own(test: &str, act: impl Fn() -> bool) {
    if std::env::var_os("GUARDS_CHILD").is_some() {
        return assert!(act());
    }
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--test-threads=1"]);
    assert!(command.env("GUARDS_CHILD", "1").status().unwrap().success());
}

#[test]
fn a_child_of_a_fork_goes_on_with_its_own() {
    let _alone = guarded(1, 256);
    let kept = global::allocate(100, 8);
    let child = || {
        free(kept);
        (0..1000).all(|_| {
            let block = global::allocate(100, 8);
            let is_fenced = fenced(block).is_some();
            free(block);
            is_fenced
        })
    };
    assert_eq!(fork_and_wait(20, child), Outcome::Right);
    assert_eq!(fenced(kept).unwrap().state, State::Live);
    free(kept);
}

#[test]
fn threads_have_their_share_and_free_each_others() {
    let _alone = guarded(3, 1024);
    let blocks: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                scope.spawn(move || {
                    let mut kept = Vec::new();
                    for round in 0..5000_usize {
                        let block = global::allocate(1 + (thread * round) % 500, 8);
                        if round % 64 == 0 {
                            kept.push(block.expose_provenance());
                        } else {
                            free(block);
                        }
                    }
                    kept
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let blocks: Vec<*mut u8> =
        blocks.into_iter().map(core::ptr::with_exposed_provenance_mut).collect();
    let count = blocks.iter().filter(|&&block| fenced(block).is_some()).count();
    assert!((50..160).contains(&count), "{count} of {}", blocks.len());
    blocks.into_iter().for_each(free);
    validate().unwrap();
}

#[test]
fn the_profile_counts_fenced_blocks_as_others() {
    const SIZE: usize = 1000;
    let _alone = guarded(2, 1024);
    profile::start(16 << 10).unwrap();
    let live = || profile::snapshot().unwrap().live().bytes();
    let before = live();
    let blocks: Vec<_> = (0..2000).map(|_| global::allocate(SIZE, 8)).collect();
    let grown = live() - before;
    assert!((1_500_000..2_700_000).contains(&grown), "{grown}");
    blocks.into_iter().for_each(free);
    let left = live();
    profile::stop();
    assert!(left <= before + 100_000, "{left}, {before}");
    validate().unwrap();
}

#[test]
fn blocks_of_a_tag_are_never_fenced() {
    let _alone = guarded(1, 1024);
    let tag = Tag::named("guards").unwrap();
    let scope = tag::enter(tag);
    let blocks: Vec<_> = (0..100).map(|_| global::allocate(100, 8)).collect();
    drop(scope);
    assert!(blocks.iter().all(|&block| fenced(block).is_none()));
    assert_eq!(tag.figures().live_blocks, 100);
    blocks.into_iter().for_each(free);
    let block = global::allocate(100, 8);
    assert!(fenced(block).is_some(), "and others are again");
    free(block);
}
