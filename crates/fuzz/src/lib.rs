//! What the fuzz targets run.
//!
//! `cargo +nightly fuzz run heap --fuzz-dir crates/fuzz --features libfuzzer` searches for input that breaks
//! the heap, with `cargo-fuzz` installed. The tests replay the corpus, and need nothing.

use std::alloc::Layout;

use stratalloc_core::Trim;
use stratalloc_heap::{Compact, Granule8, Heap, Policy};
use stratalloc_testkit::{Extensions, System, Watched};

/// Bytes of one request: what it is, which block, and its size.
const REQUEST: usize = 4;

/// Runs a program of requests on the heap, under the shadow oracle, with the heap's own check after
/// every few. The first byte chooses the policy.
///
/// # Panics
///
/// If the heap breaks its contract, or its books disagree.
pub fn heap(data: &[u8]) {
    match data.split_first() {
        Some((first, rest)) if first % 2 == 0 => run::<Compact>(rest),
        Some((_, rest)) => run::<Granule8>(rest),
        None => {}
    }
}

fn run<P: Policy>(data: &[u8]) {
    let heap: Heap<System, P> = Heap::new(System);
    let extensions = Extensions::default().owns().usable_size().resize_in_place().free_unsized();
    let mut watched = Watched::with_extensions(&heap, extensions);
    for (count, request) in data.chunks_exact(REQUEST).enumerate() {
        step(&mut watched, request);
        if count % 16 == 0 {
            assert_eq!(heap.check(), Ok(()), "after {count} requests");
        }
    }
    watched.clear().unwrap();
    heap.trim();
    assert_eq!(heap.check(), Ok(()));
    assert_eq!(heap.snapshot().held, 0, "all goes back");
}

fn step<P: Policy>(watched: &mut Watched<'_, Heap<System, P>>, request: &[u8]) {
    let number = usize::from(request[2]) | usize::from(request[3]) << 8;
    let layout = layout(request[0] >> 3, number);
    let live = watched.live().len();
    let index = usize::from(request[1]) % live.max(1);
    match (request[0] % 8, live) {
        (0..=2, _) | (_, 0) => watched.allocate(layout, request[1] == 0).map(drop),
        (3, _) => watched.deallocate(index),
        (4 | 5, _) => watched.free_unsized(index),
        (6, _) => watched.resize(index, layout, request[1] == 0).map(drop),
        (_, _) => watched.resize_in_place(index, layout.size()).map(drop),
    }
    .unwrap();
}

/// Mostly small sizes, some that span windows of tags, few that span regions; now and then an
/// alignment.
fn layout(kind: u8, number: usize) -> Layout {
    let size = match kind % 8 {
        0..=2 => number % 40,
        3..=5 => number % 1_500,
        6 => number % 9_000,
        _ => number * 3,
    };
    let align = if kind < 24 { 16 } else { 1 << (number % 12) };
    Layout::from_size_align(size, align).expect("small numbers")
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    #[test]
    fn the_heap_stands_its_corpus() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/heap");
        let mut count = 0;
        for entry in fs::read_dir(corpus).expect("the corpus is there") {
            super::heap(&fs::read(entry.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count >= 8, "{count} inputs");
    }
}
