//! Threads that share an allocator.

use std::{
    sync::mpsc::{Receiver, Sender, channel, sync_channel},
    thread,
};

use quickcheck::{Arbitrary, Gen};
use stratalloc_core::Allocator;

use super::{
    edges::layouts,
    programs::perform,
    subject::{Limits, Suite},
};
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

/// One block at a time, at every edge of a size with every alignment: allocated by one thread, and
/// given back by another.
pub(super) fn edges<A: Allocator + Sync>(suite: &Suite<'_, A>) -> Result<(), Violation> {
    let allocator = suite.make();
    let mut watched = suite.watch(&allocator);
    let mut remote = suite.watch(&allocator);
    // Without room in between, the allocator is empty again when the next block is asked for.
    let (send, receive) = sync_channel::<Block>(0);
    let (done, wait) = sync_channel(0);
    thread::scope(|scope| {
        let worker = scope.spawn(move || {
            for block in receive {
                remote.adopt(block)?;
                remote.free_unsized(0)?;
                let _ = done.send(());
            }
            Ok(())
        });
        for layout in layouts(suite) {
            if !watched.allocate(layout, false)? {
                return Err(Violation::Refused { layout, live: 0 });
            }
            let handed_over = send.send(watched.release(0)?).is_ok() && wait.recv().is_ok();
            if !handed_over {
                break;
            }
        }
        drop(send);
        worker.join().expect("a thread panicked")
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
