//! A real program on one heap behind a lock: words of a text, counted by several threads.

use std::{collections::BTreeMap, thread};

use stratalloc_core::Locked;
use stratalloc_heap::Heap;
use stratalloc_pages::{MemBlocks, Mmap};

/// The heap on the kernel's blocks, behind a lock.
#[global_allocator]
static GLOBAL: Locked<parking_lot::RawMutex, Heap<MemBlocks<Mmap>>> =
    Locked::new(Heap::new(MemBlocks::new(Mmap)));

const TEXT: &str = "the heap is one heap and the lock is one lock and the words are many";

fn main() {
    let counters: Vec<_> = (0..4).map(|n| thread::spawn(move || count(1_000 * (n + 1)))).collect();
    for counter in counters {
        let words = counter.join().expect("counting doesn't panic");
        println!("{} different words, `the` {} times", words.len(), words["the"]);
    }
    println!("{:#?}", GLOBAL.lock().snapshot());
    assert_eq!(GLOBAL.lock().check(), Ok(()));
}

fn count(times: usize) -> BTreeMap<String, usize> {
    let mut words = BTreeMap::new();
    for word in TEXT.split(' ').cycle().take(times) {
        *words.entry(word.to_owned()).or_insert(0) += 1;
    }
    words
}
