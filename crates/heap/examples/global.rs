//! A real program on one heap behind a lock: words of a text, counted by several threads.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use lock_api::{GuardNoSend, RawMutex};
use stratalloc_heap::{Heap, Locked};
use stratalloc_pages::{MemBlocks, Mmap};

/// A lock that doesn't allocate, as the global allocator's must not.
struct Yielding(AtomicBool);

// SAFETY: the thread that swaps the flag to true has the lock until it stores false.
unsafe impl RawMutex for Yielding {
    const INIT: Self = Self(AtomicBool::new(false));
    type GuardMarker = GuardNoSend;

    fn lock(&self) {
        while !self.try_lock() {
            thread::yield_now();
        }
    }

    fn try_lock(&self) -> bool {
        !self.0.swap(true, Ordering::Acquire)
    }

    unsafe fn unlock(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// The heap on the kernel's blocks, behind a lock.
#[global_allocator]
static GLOBAL: Locked<Yielding, Heap<MemBlocks<Mmap>>> =
    Locked::new(Heap::new(MemBlocks::new(Mmap)));

const TEXT: &str = "the heap is one heap and the lock is one lock and the words are many";

fn main() {
    let counters: Vec<_> = (0..4).map(|n| thread::spawn(move || count(1_000 * (n + 1)))).collect();
    for counter in counters {
        let words = counter.join().expect("counting doesn't panic");
        println!("{} different words, `the` {} times", words.len(), words["the"]);
    }
    let snapshot = GLOBAL.lock().snapshot();
    println!("{snapshot:#?}");
    assert_eq!(GLOBAL.lock().check(), Ok(()));
}

fn count(times: usize) -> BTreeMap<String, usize> {
    let mut words = BTreeMap::new();
    for word in TEXT.split(' ').cycle().take(times) {
        *words.entry(word.to_owned()).or_insert(0) += 1;
    }
    words
}
