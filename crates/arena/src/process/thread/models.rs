//! Models of threads that start, end and fork.
//!
//! They drive the protocol and the locks as they ship, over a process that is made anew for each execution: three homes
//! for threads and an arena heap, each of which has a cell that stands for what a thread does there. A fork copies it in
//! one step, between the handlers, and the thread goes on as the child's before it goes on as the parent's. They don't
//! show what is in a cache or a heap, which heaps the table of windows has, nor what the kernel copies while
//! other threads run.

use core::cell::Cell;
use std::{boxed::Box, vec::Vec};

use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};
use stratalloc_core::sync::model_within;

use super::{
    fork::{self, Fork},
    idle::{Idle, IdleCaches},
    process::{self, Process},
};
use crate::sys::lock::{Lock, Mark};

/// Homes of threads, and the window of the arena heap behind them.
const HOMES: usize = 3;
const VALUE: usize = HOMES;

/// What a cache holds that is nobody's, and that a thread uses.
const EMPTY: usize = 0;
const USED: usize = 1;

struct Cache {
    window: usize,
    content: UnsafeCell<usize>,
    next: Cell<*const Self>,
    /// Touched where the link is.
    linked: UnsafeCell<()>,
}

impl Idle for Cache {
    fn next_idle(&self) -> &Cell<*const Self> {
        self.linked.with_mut(drop);
        &self.next
    }
}

impl Cache {
    fn new(window: usize, content: usize) -> Self {
        Self {
            window,
            content: UnsafeCell::new(content),
            next: Cell::new(core::ptr::null()),
            linked: UnsafeCell::new(()),
        }
    }

    /// What it holds, for who finds it in the list of those that wait.
    fn content(&self) -> usize {
        // SAFETY: nobody uses the cache, which is what loom is to confirm.
        self.content.with(|held| unsafe { *held })
    }

    /// What it holds, which its thread replaces.
    fn replace(&self, content: usize) -> usize {
        // SAFETY: the cache is this thread's, which is what loom is to confirm.
        self.content.with_mut(|held| unsafe { core::mem::replace(&mut *held, content) })
    }
}

/// A process.
struct World {
    caches: [Cache; HOMES],
    /// Which homes there are: set where the table of windows announces them.
    made: [AtomicBool; HOMES],
    heaps: [Lock<()>; HOMES + 1],
    idle: Lock<IdleCaches<Cache>>,
    fork: Fork,
    values: Lock<()>,
    samples: Lock<()>,
    streams: Lock<()>,
}

// SAFETY: loom watches the cells; the links of idle caches change under a lock that it watches.
unsafe impl Sync for World {}

impl World {
    /// A process with a home for each of so many threads.
    fn new(threads: usize) -> &'static Self {
        Box::leak(Box::new(Self {
            caches: core::array::from_fn(|home| Cache::new(home, EMPTY)),
            made: core::array::from_fn(|home| AtomicBool::new(home < threads)),
            heaps: core::array::from_fn(|_| Lock::new(())),
            idle: Lock::new(IdleCaches::new()),
            fork: Fork::new(),
            values: Lock::new(()),
            samples: Lock::new(()),
            streams: Lock::new(()),
        }))
    }

    fn is_made(&self, home: usize) -> bool {
        self.made[home].load(Ordering::Acquire)
    }

    /// Frees it. Not where a fault is found: loom can't be asked to any more.
    fn end(&'static self) {
        // SAFETY: it was made by `new` or `copied`, and nobody uses it any more.
        drop(unsafe { Box::from_raw(core::ptr::from_ref(self).cast_mut()) });
    }

    /// A process where one more home waits for a thread.
    fn with_one_waiting(threads: usize) -> &'static Self {
        let world = Self::new(threads + 1);
        let nobody = Thread { world, number: 0, home: None };
        world.idle.lock(nobody.mark()).push(&world.caches[threads]);
        world
    }

    /// What a child has of it. Caches are in the middle of a change, but for those that wait.
    fn copied(&self) -> &'static Self {
        // SAFETY: the thread that forks holds the lock, or loom tells.
        let waiting: Vec<_> = unsafe { self.idle.forked() }.iter().collect();
        let content = |home| if self.is_made(home) { USED } else { EMPTY };
        let child: &Self = Box::leak(Box::new(Self {
            caches: core::array::from_fn(|home| Cache::new(home, content(home))),
            made: core::array::from_fn(|home| AtomicBool::new(self.is_made(home))),
            heaps: core::array::from_fn(|heap| self.heaps[heap].copied(())),
            idle: self.idle.copied(IdleCaches::new()),
            fork: self.fork.copied(),
            values: self.values.copied(()),
            samples: self.samples.copied(()),
            streams: self.streams.copied(()),
        }));
        for cache in waiting.into_iter().rev() {
            let copy = &child.caches[cache.window];
            copy.replace(cache.content());
            // SAFETY: the child has no other thread.
            unsafe { child.idle.forked() }.push(copy);
        }
        child
    }

    /// The locks that are held, by their numbers: of heaps, and others.
    fn held(&self) -> Vec<usize> {
        let mark = Mark::new(1 << 10);
        let others = [&self.values, &self.samples, &self.streams];
        let locks = self.heaps.iter().chain(others).map(|lock| lock.try_lock(mark).is_none());
        let idle = self.idle.try_lock(mark).is_none();
        let held = locks.chain([idle, self.fork.is_under_way(mark)]);
        held.enumerate().filter_map(|(number, is_held)| is_held.then_some(number)).collect()
    }

    /// Threads come as long as there are homes: each has one of its own, made anew only if none waits.
    fn fill(&'static self, mut homes: Vec<usize>) {
        let known: Vec<_> = (0..HOMES).filter(|&home| self.is_made(home)).collect();
        for number in homes.len()..HOMES {
            let thread = Thread { world: self, number: number + HOMES, home: None };
            let cache = process::start(&thread).expect("a home is lost");
            assert_eq!(cache.replace(USED), EMPTY, "a cache is adopted before it is empty");
            assert!(!homes.contains(&cache.window), "two threads share a home");
            homes.push(cache.window);
            let waits = known.iter().any(|home| !homes.contains(home));
            assert!(known.contains(&cache.window) || !waits, "a home is made while one waits");
        }
    }
}

/// A thread of a process, by its number and its home.
#[derive(Clone, Copy)]
struct Thread {
    world: &'static World,
    number: usize,
    home: Option<usize>,
}

impl Thread {
    /// A thread of number and home 0.
    const fn first(world: &'static World) -> Self {
        Self { world, number: 0, home: Some(0) }
    }

    /// A thread comes, works, and goes.
    fn come_and_go(world: &'static World, number: usize) {
        let mut thread = Self { world, number, home: None };
        let Some(cache) = process::start(&thread) else { panic!("a home is lost") };
        assert_eq!(cache.replace(USED), EMPTY, "a cache is adopted before it is empty");
        thread.home = Some(cache.window);
        drop(world.heaps[cache.window].lock(thread.mark()));
        process::end(&thread, cache);
    }

    /// The process forks: a child finds no lock held but those of this thread, and no home lost.
    fn fork(&self, own: &[usize]) {
        fork::before(self, &self.world.fork);
        let child = Self { world: self.world.copied(), ..*self };
        fork::after_in_child(&child, &child.world.fork);
        assert_eq!(child.world.held(), own, "a lock is held in the child");
        child.world.fill(child.home.into_iter().collect());
        child.world.end();
        fork::after(self, &self.world.fork);
    }
}

impl Process for Thread {
    type Cache = Cache;
    type Pools = ();
    type Values = ();
    type Samples = ();

    fn mark_of_thread(&self) -> Mark {
        self.mark()
    }

    fn mark(&self) -> Mark {
        Mark::new((self.number + 1) * 4)
    }

    fn idle(&self) -> &Lock<IdleCaches<Cache>> {
        &self.world.idle
    }

    fn values(&self) -> &Lock<()> {
        &self.world.values
    }

    fn samples(&self) -> &Lock<()> {
        &self.world.samples
    }

    fn heaps_of_threads(&self) -> impl Iterator<Item = (usize, &Lock<()>)> {
        let made = (0..HOMES).filter(|&home| self.world.is_made(home));
        made.map(|home| (home, &self.world.heaps[home]))
    }

    unsafe fn heaps_of_values(&self) -> impl Iterator<Item = (usize, &Lock<()>)> {
        core::iter::once((VALUE, &self.world.heaps[VALUE]))
    }

    fn own_window(&self) -> Option<usize> {
        self.home
    }

    fn home_of(cache: &Cache) -> Option<usize> {
        Some(cache.window)
    }

    fn new_home(&self) -> Option<&'static Cache> {
        let home = (0..HOMES).find(|&home| !self.world.is_made(home))?;
        self.world.made[home].store(true, Ordering::Release);
        Some(&self.world.caches[home])
    }

    fn home_at(&self, window: usize) -> Option<&'static Cache> {
        self.world.caches[window].replace(EMPTY);
        Some(&self.world.caches[window])
    }

    fn empty(&self, cache: &'static Cache) {
        assert_eq!(cache.replace(EMPTY), USED, "two threads use a cache");
    }

    fn lock_streams(&self) {
        core::mem::forget(self.world.streams.lock(self.mark()));
    }

    fn unlock_streams(&self) {
        // SAFETY: `lock_streams` took it.
        unsafe { self.world.streams.unlock_forked() };
    }

    fn reset_streams(&self) {
        self.unlock_streams();
    }

    unsafe fn recount(&self) {}
}

/// What two threads do, the one begun first and then the other, in a process as it is at the start; with threads that
/// have homes still at its end.
fn meet(
    least: usize,
    start: fn() -> &'static World,
    works: [fn(&'static World); 2],
    stay: &'static [usize],
) {
    for first in [0, 1] {
        model_within(Some(3), least, move || {
            let world = start();
            let other = thread::spawn(move || works[1 - first](world));
            works[first](world);
            other.join().unwrap();
            assert_eq!(world.held(), [], "a lock is held in the parent");
            world.fill(stay.to_vec());
            world.end();
        });
    }
}

/// Threads come and go where one home waits, and where none does: who is in a home is alone there, sees what was done
/// to it, and leaves it to the next.
#[test]
fn loom_a_home_has_one_thread_at_a_time() {
    let come_and_go: [fn(&'static World); 2] =
        [|world| Thread::come_and_go(world, 1), |world| Thread::come_and_go(world, 2)];
    meet(1500, || World::new(0), come_and_go, &[]);
    meet(1200, || World::with_one_waiting(0), come_and_go, &[]);
}

/// A thread forks while another comes, works, and goes: a child finds no lock held, no home lost, and each home serves
/// one thread; and the parent goes on as before.
#[test]
fn loom_a_child_finds_all_homes_and_no_lock_held() {
    let works: [fn(&'static World); 2] =
        [|world| Thread::first(world).fork(&[]), |world| Thread::come_and_go(world, 1)];
    meet(3900, || World::new(1), works, &[0]);
    meet(500, || World::with_one_waiting(1), works, &[0]);
}

/// Two threads fork at once.
#[test]
fn loom_one_fork_waits_for_another() {
    let forks: [fn(&'static World); 2] = [
        |world| Thread::first(world).fork(&[]),
        |world| Thread { world, number: 1, home: Some(1) }.fork(&[]),
    ];
    meet(190, || World::new(2), forks, &[0, 1]);
}

/// A thread forks while another walks over the arena heaps, whose locks it takes under theirs, or over the C library's
/// streams, where one waits for a heap: nobody waits for ever.
#[test]
fn loom_a_fork_takes_the_locks_in_their_order() {
    let fork: fn(&'static World) = |world| Thread::first(world).fork(&[]);
    let others: [fn(&'static World); 2] = [
        |world| {
            let _values = world.values.lock(Mark::new(8));
            drop(world.heaps[VALUE].lock(Mark::new(8)));
        },
        |world| {
            let _streams = world.streams.lock(Mark::new(8));
            drop(world.heaps[0].lock(Mark::new(8)));
        },
    ];
    for other in others {
        meet(110, || World::new(1), [fork, other], &[0]);
    }
}

/// A signal handler forks in the midst of a change of the heap, or of a fork: what its thread holds stays held, in the
/// child too, while another thread waits for the heap.
#[test]
fn loom_a_fork_in_a_signal_handler_leaves_what_its_thread_holds() {
    let forks: [fn(&'static World); 2] = [
        |world| {
            let _heap = world.heaps[0].lock(Thread::first(world).mark());
            Thread::first(world).fork(&[0]);
        },
        |world| {
            let thread = Thread::first(world);
            fork::before(&thread, &world.fork);
            fork::before(&thread, &world.fork);
            fork::after(&thread, &world.fork);
            assert!(world.held().contains(&0), "the first fork goes on");
            fork::after(&thread, &world.fork);
        },
    ];
    for fork in forks {
        let other: fn(&'static World) = |world| drop(world.heaps[0].lock(Mark::new(8)));
        meet(110, || World::new(1), [fork, other], &[0]);
    }
}
