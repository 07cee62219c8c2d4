//! In the hardened build, the place of a freed block goes to a request that nobody can tell.

// In the paranoid build freed blocks wait, which is tested apart.
#![cfg(all(feature = "hardened", not(any(loom, asan, tsan, feature = "paranoid"))))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/children.rs"]
mod children;
#[path = "common/filled.rs"]
mod filled;

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    sync::Barrier,
    thread,
};

use children::{Outcome, fork_and_wait};
use filled::{filled, free};
use stratalloc_arena::validate;

const SIZE: usize = 500;

#[test]
fn the_next_request_gets_another_block_than_the_one_freed_last() {
    let _alone = alone::alone();
    for size in [1, 100, SIZE, 3000, 20_000] {
        // As many as fill a stock and more: the last free of some finds no room. One is in the stock from the start.
        let mut blocks: Vec<_> = (0..300).map(|_| filled(size)).collect();
        blocks.pop().into_iter().for_each(free);
        for freed in blocks {
            free(freed);
            let next = filled(size);
            assert_ne!(next, freed, "{size}");
            free(next);
        }
    }
    assert_eq!(validate(), Ok(()));
}

/// How many requests after a free its block is handed out again.
fn wait() -> usize {
    let freed = filled(SIZE);
    free(freed);
    let others: Vec<_> = (0..300).map(|_| filled(SIZE)).collect();
    let wait = others.iter().position(|&block| block == freed).unwrap();
    others.into_iter().rev().for_each(free);
    wait
}

#[test]
fn when_a_place_is_given_again_is_random() {
    let _alone = alone::alone();
    let waits: BTreeSet<_> = (0..200).map(|_| wait()).collect();
    assert!(waits.len() > 12, "{waits:?}");
}

/// When the places of some blocks are given again, one after another.
fn waits() -> Vec<u8> {
    (0..16).map(|_| wait() as u8).collect()
}

/// The same in a child of this process.
fn waits_in_child() -> Vec<u8> {
    let (mut from, mut to) = UnixStream::pair().unwrap();
    let outcome = fork_and_wait(60, || to.write_all(&waits()).is_ok());
    assert_eq!(outcome, Outcome::Right);
    drop(to);
    let mut waits = Vec::new();
    from.read_to_end(&mut waits).unwrap();
    waits
}

#[test]
fn it_is_another_in_each_child() {
    let _alone = alone::alone();
    let _warm = wait();
    assert_ne!(waits_in_child(), waits_in_child());
}

#[test]
fn it_is_another_in_each_thread() {
    let _alone = alone::alone();
    let both_are_here = Barrier::new(2);
    let in_thread = || {
        let _first = filled(SIZE);
        both_are_here.wait();
        waits()
    };
    let [one, other] = thread::scope(|scope| {
        [scope.spawn(in_thread), scope.spawn(in_thread)].map(|it| it.join().unwrap())
    });
    assert_ne!(one, other);
}
