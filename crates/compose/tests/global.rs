//! A stack of combinators as the global allocator of a program: this one.

use std::{
    collections::BTreeMap,
    sync::atomic::{
        AtomicBool,
        Ordering::{Acquire, Relaxed, Release},
    },
    thread,
};

use lock_api::{GuardSend, RawMutex};
use stratalloc_compose::{Counted, Segregate};
use stratalloc_core::{Locked, Stats, ecosystem::FromGlobal};

type System = Counted<FromGlobal<'static, std::alloc::System>>;

/// A lock that allocates nothing. (`parking_lot`'s does when it has to wait, and would come back
/// here.)
struct Yielding {
    /// `unlock` releases what the next `try_lock` acquires.
    held: AtomicBool,
}

// SAFETY: only one swap finds the flag clear until it is cleared again.
unsafe impl RawMutex for Yielding {
    const INIT: Self = Self { held: AtomicBool::new(false) };

    type GuardMarker = GuardSend;

    fn lock(&self) {
        while !self.try_lock() {
            thread::yield_now();
        }
    }

    fn try_lock(&self) -> bool {
        !self.held.load(Relaxed) && !self.held.swap(true, Acquire)
    }

    unsafe fn unlock(&self) {
        self.held.store(false, Release);
    }
}

#[global_allocator]
static GLOBAL: Locked<Yielding, Segregate<System, System>> = {
    let system = FromGlobal(&std::alloc::System);
    Locked::new(Segregate::new(512, Counted::new(system), Counted::new(system)))
};

/// A map whose values grow through both sides of the threshold.
fn grow_a_map(seed: usize) -> usize {
    let mut map = BTreeMap::<usize, Vec<usize>>::new();
    for turn in 0..3000 {
        map.entry((turn * seed) % 37).or_default().push(turn);
    }
    map.values().map(Vec::len).sum()
}

#[test]
fn a_program_runs_on_it() {
    let workers: Vec<_> = (1..5).map(|seed| thread::spawn(move || grow_a_map(seed))).collect();
    for worker in workers {
        assert_eq!(worker.join().unwrap(), 3000);
    }
    let (small, large) = {
        let both = GLOBAL.lock();
        (both.small().stats(), both.large().stats())
    };
    assert!(small.allocations > 100 && large.allocations > 100, "{small:?} {large:?}");
    assert!(small.deallocations > 0 && small.live_bytes <= small.peak_bytes);
}
