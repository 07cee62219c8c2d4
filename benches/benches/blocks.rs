//! Allocators of one size, operation by operation: take and return one object, and a hundred of them.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use stratalloc_block::{BlockAllocator, BlockLayout, Blocks};

/// An object of 64 bytes.
type Object = [u64; 8];

const OBJECT: Object = [7; 8];
const ROW: usize = 100;

criterion_group!(benches, pair, row);
criterion_main!(benches);

/// A buffer for a row of objects and more, for the rest of the process.
fn buffer() -> &'static mut [MaybeUninit<u8>] {
    Box::leak(Box::new_uninit_slice(2 * ROW * size_of::<Object>()))
}

fn block_allocator() -> impl Blocks {
    BlockAllocator::from_buffer(buffer(), BlockLayout::of::<Object>())
        .expect("the buffer holds blocks")
}

/// Writes an object into a block, as a user of it would: the allocator's link there is overwritten.
fn fill(block: NonNull<u8>) -> NonNull<Object> {
    let block = block.cast::<Object>();
    // SAFETY: the caller allocated a block for an object.
    unsafe { block.write(black_box(OBJECT)) };
    block
}

fn system() -> NonNull<u8> {
    // SAFETY: an object's size isn't zero.
    NonNull::new(unsafe { System.alloc(Layout::new::<Object>()) }).expect("memory")
}

fn system_free(block: NonNull<Object>) {
    // SAFETY: `system` allocated it with this layout.
    unsafe { System.dealloc(block.as_ptr().cast(), Layout::new::<Object>()) };
}

fn pair(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("block/take and return");
    let blocks = block_allocator();
    group.bench_function("stratalloc-block", |bencher| {
        bencher.iter(|| {
            let block = fill(blocks.alloc_block().expect("one is free"));
            // SAFETY: just allocated, and used no more.
            unsafe { blocks.free_block(block.cast()) };
        });
    });
    let mut slab = slab::Slab::with_capacity(ROW);
    group.bench_function("slab", |bencher| {
        bencher.iter(|| {
            let key = slab.insert(black_box(OBJECT));
            slab.remove(black_box(key))
        });
    });
    let sharded = sharded_slab::Slab::new();
    group.bench_function("sharded-slab", |bencher| {
        bencher.iter(|| {
            let key = sharded.insert(black_box(OBJECT)).expect("one is free");
            sharded.take(black_box(key))
        });
    });
    group.bench_function("system", |bencher| {
        bencher.iter(|| system_free(black_box(fill(system()))));
    });
    group.finish();
}

/// Regions free a row at once, the others object by object.
fn row(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("block/100 taken, then returned");
    group.throughput(Throughput::Elements(ROW as u64));
    let blocks = block_allocator();
    let mut taken = Vec::with_capacity(ROW);
    group.bench_function("stratalloc-block", |bencher| {
        bencher.iter(|| {
            taken.extend((0..ROW).map(|_| fill(blocks.alloc_block().expect("one is free"))));
            for block in taken.drain(..) {
                // SAFETY: allocated above, and used no more.
                unsafe { blocks.free_block(block.cast()) };
            }
        });
    });
    let mut slab = slab::Slab::with_capacity(ROW);
    let mut keys = Vec::with_capacity(ROW);
    group.bench_function("slab", |bencher| {
        bencher.iter(|| {
            keys.extend((0..ROW).map(|_| slab.insert(black_box(OBJECT))));
            keys.drain(..).for_each(|key| _ = slab.remove(key));
        });
    });
    group.bench_function("typed-arena", |bencher| {
        let fill = |arena: typed_arena::Arena<Object>| {
            (0..ROW).for_each(|_| _ = black_box(arena.alloc(black_box(OBJECT))));
            arena
        };
        bencher.iter_batched(
            || typed_arena::Arena::with_capacity(ROW),
            fill,
            BatchSize::SmallInput,
        );
    });
    let mut bump = bumpalo::Bump::with_capacity(2 * ROW * size_of::<Object>());
    group.bench_function("bumpalo", |bencher| {
        bencher.iter(|| {
            (0..ROW).for_each(|_| _ = black_box(bump.alloc(black_box(OBJECT))));
            bump.reset();
        });
    });
    let mut blocks = Vec::with_capacity(ROW);
    group.bench_function("system", |bencher| {
        bencher.iter(|| {
            blocks.extend((0..ROW).map(|_| fill(system())));
            blocks.drain(..).for_each(system_free);
        });
    });
    group.finish();
}
