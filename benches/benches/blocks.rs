//! Allocators of one size, operation by operation: take and return one object, and a hundred of them.
//!
//! `cargo bench -p stratalloc-benches --features mimalloc --bench blocks`

use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

mod one_size;

use one_size::{Object, Store, pairs, rows};

/// So many pairs make one measurement.
const PAIRS: usize = 1024;
/// Objects that are live at once in the second group.
const ROW: usize = 100;

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .sample_size(30);
    targets = pair, row, regions
}
criterion_main!(benches);

fn pair(criterion: &mut Criterion) {
    fn time<S: Store + Default>(criterion: &mut Criterion) {
        let mut store = S::default();
        let mut group = criterion.benchmark_group("block/take and return");
        group.throughput(Throughput::Elements(PAIRS as u64));
        let name = BenchmarkId::from_parameter(S::NAME);
        group.bench_function(name, |bencher| bencher.iter(|| pairs(&mut store, PAIRS)));
    }
    for_each_store!(time(criterion));
}

fn row(criterion: &mut Criterion) {
    fn time<S: Store + Default>(criterion: &mut Criterion) {
        let (mut store, mut row) = (S::default(), Vec::with_capacity(ROW));
        let mut group = criterion.benchmark_group("block/100 taken, then returned");
        group.throughput(Throughput::Elements(ROW as u64));
        let name = BenchmarkId::from_parameter(S::NAME);
        group.bench_function(name, |bencher| bencher.iter(|| rows(&mut store, &mut row, 1)));
    }
    for_each_store!(time(criterion));
}

/// Regions, which return a row at once.
fn regions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("block/100 taken, then returned");
    group.throughput(Throughput::Elements(ROW as u64));
    group.bench_function("typed-arena 2.0", |bencher| {
        let fill = |arena: typed_arena::Arena<Object>| {
            (0..ROW).for_each(|_| _ = black_box(arena.alloc(Object::new())));
            arena
        };
        let new = || typed_arena::Arena::with_capacity(ROW);
        bencher.iter_batched(new, fill, BatchSize::SmallInput);
    });
    group.bench_function("bumpalo 3", |bencher| {
        let mut bump = bumpalo::Bump::with_capacity(2 * ROW * size_of::<Object>());
        bencher.iter(|| {
            (0..ROW).for_each(|_| _ = black_box(bump.alloc(Object::new())));
            bump.reset();
        });
    });
    group.finish();
}
