//! Threads that share an allocator.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use quickcheck::{Arbitrary, Gen};
use stratalloc_core::Allocator;

use super::{Limits, Suite, programs::perform};
use crate::{Action, Block, Violation, Watched};

const THREADS: usize = 4;

/// Requests that each thread makes.
const REQUESTS: usize = if cfg!(miri) { 50 } else { 4000 };

/// A thread that holds so many blocks passes every new one on.
const MAX_LIVE: usize = 100;

/// Threads in a ring make random requests of one allocator; every few requests a thread passes a
/// block on to the next, which gives it back sooner or later.
pub(super) fn exchange<A: Allocator + Sync>(suite: &Suite<'_, A>) -> Result<(), Violation> {
    let allocator = suite.make();
    let (limits, extensions) = (suite.limits, suite.extensions);
    let (senders, mut receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| channel()).unzip();
    receivers.rotate_right(1);
    thread::scope(|scope| {
        let start = |(seed, (next, previous))| {
            let allocator = &allocator;
            scope.spawn(move || {
                let watched = Watched::with_extensions(allocator, extensions);
                work(watched, limits, seed, (next, previous))
            })
        };
        let workers: Vec<_> = (0..).zip(senders.into_iter().zip(receivers)).map(start).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a thread panicked"))
    })
}

/// What one thread does. It ends when the thread before it has.
fn work<A: Allocator>(
    mut watched: Watched<'_, A>,
    limits: Limits,
    seed: u64,
    (next, previous): (Sender<Block>, Receiver<Block>),
) -> Result<(), Violation> {
    let mut random = Gen::from_size_and_seed(REQUESTS, seed);
    for turn in 0..REQUESTS {
        perform(limits, &mut watched, &Action::arbitrary(&mut random))?;
        let live = watched.live().len();
        if live > 0 && (turn % 3 == 0 || live > MAX_LIVE) {
            // A thread that ended early, by a violation, takes no more: the block is leaked.
            let _ = next.send(watched.release(turn % live)?);
        }
        for block in previous.try_iter() {
            watched.adopt(block)?;
        }
    }
    watched.clear()?;
    drop(next);
    for block in previous {
        watched.adopt(block)?;
        watched.clear()?;
    }
    Ok(())
}
