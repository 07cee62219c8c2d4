//! The conformance suite, on every policy, with and without a base.

use stratalloc_core::{Allocator, Trim};
use stratalloc_pages::{MemBlocks, Mmap};
use stratalloc_testkit::{Suite, System, each_failure};

use super::memory;
use crate::{Bounded, Compact, Fit, Granule8, Heap, NoBase, Order, Policy};

/// A choice away from the default in everything that may be chosen.
struct Plain;

impl Policy for Plain {
    const FIT: Fit = Fit::First;
    const ORDER: Order = Order::Address;
    const FAR_END_FROM: usize = usize::MAX;
    const CELLS: bool = false;
}

struct WorstFit;

impl Policy for WorstFit {
    const FIT: Fit = Fit::Worst;
}

struct BestFit;

impl Policy for BestFit {
    const FIT: Fit = Fit::Best;
}

fn over_system<P: Policy>() {
    Suite::new(|| Heap::<System, P>::new(System))
        .max_size(1 << 20)
        .max_align(1 << 12)
        .owns()
        .usable_size()
        .resize_in_place()
        .free_unsized()
        .run();
}

#[test]
fn compact_over_the_system() {
    over_system::<Compact>();
}

#[test]
fn granules_of_eight_over_the_system() {
    over_system::<Granule8>();
}

#[test]
fn other_policies_over_the_system() {
    over_system::<Plain>();
    over_system::<WorstFit>();
    over_system::<BestFit>();
}

#[test]
fn bounded_calls_over_the_system() {
    over_system::<Bounded>();
}

#[test]
fn over_kernel_blocks() {
    Suite::new(|| Heap::<MemBlocks<Mmap>>::new(MemBlocks::new(Mmap)))
        .max_size(1 << 20)
        .max_align(1 << 12)
        .free_unsized()
        .run();
}

/// Fixed memory, in three disjoint regions of odd sizes.
fn fixed<P: Policy>() -> Heap<NoBase, P> {
    let heap = Heap::new(NoBase);
    for size in [70_001, 4_003, 30_007] {
        // SAFETY: the memory is kept for ever, and the heap's alone; it is left unaligned.
        assert!(unsafe { heap.add_region(memory(size).add(1), size - 1) });
    }
    heap
}

#[test]
fn within_three_regions() {
    Suite::new(fixed::<Compact>).max_size(4_000).max_align(1 << 8).owns().run();
    Suite::new(fixed::<Granule8>).max_size(4_000).max_align(1 << 8).owns().run();
}

/// As many blocks fit after all others are given back and consolidated as fitted at first.
#[test]
fn nothing_is_lost_when_it_is_full() {
    let heap = fixed::<Compact>();
    let whole = heap.snapshot();
    for size in [1, 16, 17, 65, 256, 1_000, 4_000, 20_000, 16, 1] {
        let blocks = fill_and_clear(&heap, size);
        assert!(blocks > 0, "{size}");
        heap.trim();
        assert_eq!(heap.snapshot(), whole, "{size}");
        assert_eq!(fill_and_clear(&heap, size), blocks, "{size}");
        heap.trim();
    }
}

/// Slabs that were full serve again, by as many cells as were freed in them.
#[test]
fn a_cell_freed_in_a_full_slab_is_found() {
    let heap = fixed::<Compact>();
    let blocks: std::vec::Vec<_> =
        std::iter::from_fn(|| std::ptr::NonNull::new(heap.malloc(10))).collect();
    let freed = blocks.iter().step_by(100);
    let count = freed.len();
    // SAFETY: they are live.
    freed.for_each(|block| unsafe { heap.free(block.as_ptr()) });
    heap.trim();
    assert!(count > 3);
    assert!((0..count).all(|_| !heap.malloc(10).is_null()) && heap.malloc(10).is_null());
}

/// The number of blocks that fit; they are given back, the odd ones first.
fn fill_and_clear(heap: &Heap, size: usize) -> usize {
    let mut blocks = std::vec::Vec::new();
    loop {
        let block = heap.malloc(size);
        if block.is_null() {
            break;
        }
        blocks.push(block);
    }
    let (even, odd): (std::vec::Vec<_>, std::vec::Vec<_>) =
        (0..blocks.len()).partition(|index| index % 2 == 0);
    for index in odd.into_iter().chain(even) {
        // SAFETY: it is live.
        unsafe { heap.free(blocks[index]) };
    }
    blocks.len()
}

/// S1.1: whichever call of the base fails, the heap goes on, and all is given back.
#[test]
fn every_call_of_the_base_may_fail() {
    let calls = each_failure(
        || System,
        |base| {
            let heap: Heap<_> = Heap::new(base);
            let mut blocks = std::vec::Vec::new();
            for size in [1, 100, 5_000, 70_000, 300_000, 16, 1_000_000] {
                let block = heap.malloc(size);
                if !block.is_null() {
                    // SAFETY: the block is live and has as many bytes.
                    unsafe { block.write_bytes(0x5A, size) };
                    // SAFETY: the block is live.
                    let grown = unsafe { heap.realloc(block, size * 2) };
                    let kept = if grown.is_null() { block } else { grown };
                    // SAFETY: either block is live and has as many bytes.
                    assert_eq!(unsafe { kept.add(size - 1).read() }, 0x5A);
                    blocks.push(kept);
                }
                assert_eq!(heap.check(), Ok(()));
            }
            for block in blocks {
                // SAFETY: the block is live.
                unsafe { heap.free(block) };
            }
            assert_eq!(heap.check(), Ok(()));
        },
    );
    assert!(calls > 5, "{calls} calls");
}

/// A base that isn't asked for more than needed gives what is needed.
#[test]
fn an_allocator_is_a_base() {
    let outer: Heap<System> = Heap::new(System);
    let inner: Heap<_> = Heap::new(&outer);
    let layout = core::alloc::Layout::new::<[u64; 1000]>();
    let block = inner.allocate(layout).unwrap();
    assert!(outer.snapshot().live >= inner.snapshot().held);
    // SAFETY: allocated just so.
    unsafe { inner.deallocate(block.cast(), layout) };
    drop(inner);
    assert_eq!(outer.snapshot().live, 0);
}
