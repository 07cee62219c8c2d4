//! The heap.

use stratalloc_core::Trim;
use stratalloc_heap::{Compact, Granule8, Heap, Policy};
use stratalloc_testkit::{Extensions, System, Watched};

use crate::program::{requests, step};

/// A program on the heap, with the heap's own check after every few requests. The first byte chooses the
/// policy.
pub(crate) fn run(data: &[u8]) {
    match data.split_first() {
        Some((first, rest)) if first % 2 == 0 => run_with::<Compact>(rest),
        Some((_, rest)) => run_with::<Granule8>(rest),
        None => {}
    }
}

fn run_with<P: Policy>(data: &[u8]) {
    let heap: Heap<System, P> = Heap::new(System);
    let extensions = Extensions::default().owns().usable_size().resize_in_place().free_unsized();
    let mut watched = Watched::with_extensions(&heap, extensions);
    for (count, request) in requests(data).enumerate() {
        step(&mut watched, request, 3);
        if count % 16 == 0 {
            assert_eq!(heap.check(), Ok(()), "after {count} requests");
        }
    }
    watched.clear().unwrap();
    heap.trim();
    assert_eq!(heap.check(), Ok(()));
    assert_eq!(heap.snapshot().held, 0, "all goes back");
}
