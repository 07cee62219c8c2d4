//! Global allocators side by side in one process, operation by operation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};

criterion_group!(benches, pairs, row, replace, grow);
criterion_main!(benches);

/// Everyone who can share a process with the others.
const ALLOCATORS: [(&str, &dyn GlobalAlloc); 5] = [
    ("stratalloc", &stratalloc::Stratalloc),
    ("system", &System),
    ("mimalloc", &mimalloc::MiMalloc),
    ("snmalloc", &snmalloc_rs::SnMalloc),
    ("jemalloc", &tikv_jemallocator::Jemalloc),
];

/// Runs `operation` on each allocator under the name `arena/NAME`.
fn compare(criterion: &mut Criterion, name: &str, mut operation: impl FnMut(&dyn GlobalAlloc)) {
    let mut group = criterion.benchmark_group(format!("arena/{name}"));
    for (name, allocator) in ALLOCATORS {
        group.bench_function(name, |bencher| bencher.iter(|| operation(black_box(allocator))));
    }
    group.finish();
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("a valid layout")
}

/// A block with its first byte written.
fn allocate(allocator: &dyn GlobalAlloc, layout: Layout) -> *mut u8 {
    // SAFETY: no layout here has a size of zero.
    let block = unsafe { allocator.alloc(layout) };
    assert!(!block.is_null(), "memory is out");
    // SAFETY: the block has at least a byte.
    unsafe { block.write(1) };
    block
}

fn free(allocator: &dyn GlobalAlloc, block: *mut u8, layout: Layout) {
    // SAFETY: each caller frees once what `allocate` gave it, with the same allocator and layout.
    unsafe { allocator.dealloc(block, layout) };
}

fn pairs(criterion: &mut Criterion) {
    for (name, size) in [
        ("allocate and free 64 bytes", 64),
        ("allocate and free 1,024 bytes", 1 << 10),
        ("allocate and free 32 KiB", 32 << 10),
        ("allocate and free 1 MiB", 1 << 20),
    ] {
        let layout = layout(size);
        compare(criterion, name, |allocator| {
            free(allocator, black_box(allocate(allocator, black_box(layout))), layout);
        });
    }
}

fn row(criterion: &mut Criterion) {
    let layout = layout(64);
    let mut blocks = Vec::with_capacity(100);
    compare(criterion, "100 blocks of 64 bytes, then freed", |allocator| {
        blocks.extend((0..100).map(|_| allocate(allocator, layout)));
        blocks.drain(..).for_each(|block| free(allocator, block, layout));
    });
}

fn replace(criterion: &mut Criterion) {
    const LIVE: usize = 1_000;
    let mut group = criterion.benchmark_group("arena/replace one of 1,000 of 8 to 1,024 bytes");
    for (name, allocator) in ALLOCATORS {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut block = || {
            let layout = layout(rng.usize(8..=1_024));
            (allocate(allocator, layout), layout)
        };
        let mut live: Vec<_> = (0..LIVE).map(|_| block()).collect();
        let mut next = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                // A stride that visits every slot, in an order that is not that of allocation.
                next = (next + 387) % LIVE;
                let (old, layout) = std::mem::replace(&mut live[next], block());
                free(allocator, old, layout);
            });
        });
        live.into_iter().for_each(|(block, layout)| free(allocator, block, layout));
    }
    group.finish();
}

fn grow(criterion: &mut Criterion) {
    compare(criterion, "grow from 16 bytes to 64 KiB by doubling", |allocator| {
        let mut current = layout(16);
        let mut block = allocate(allocator, current);
        while current.size() < 64 << 10 {
            let size = 2 * current.size();
            // SAFETY: the block is the allocator's, with this layout; the new size is valid.
            block = unsafe { allocator.realloc(block, current, size) };
            assert!(!block.is_null(), "memory is out");
            current = layout(size);
        }
        free(allocator, block, current);
    });
}
