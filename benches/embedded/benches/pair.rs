//! The time of a malloc+free pair: one size again and again, and sizes at random, beside a few live
//! blocks.

use std::{alloc::Layout, hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use stratalloc_embedded_benches::{Subject, for_each_subject, heap, requests, sizes};

/// So many pairs make one measurement.
const PAIRS: usize = 1024;

fn pairs<S: Subject>(subject: &mut S, requests: &[Layout]) {
    for &layout in requests {
        let block = subject.allocate(black_box(layout));
        // A program that never touches its block is no program.
        // SAFETY: the block is ours.
        unsafe { block.write_volatile(1) };
        // SAFETY: as above, and it isn't used again.
        unsafe { subject.deallocate(black_box(block), black_box(layout)) };
    }
}

fn time<S: Subject>(criterion: &mut Criterion, group: &str, sizes: &[usize], all: &[Layout]) {
    let mut subject = S::new(heap(), sizes);
    // What stays live, so that no free gives the heap back to its first state.
    let live: Vec<_> = all.iter().take(3).map(|&layout| subject.allocate(layout)).collect();
    assert!(live.iter().all(|block| !block.is_null()));
    criterion
        .benchmark_group(group)
        .throughput(criterion::Throughput::Elements(PAIRS as u64))
        .bench_function(BenchmarkId::from_parameter(S::NAME), |bencher| {
            bencher.iter(|| pairs(&mut subject, all));
        });
}

fn compare(criterion: &mut Criterion) {
    let one = vec![Layout::from_size_align(64, 8).expect("a valid layout"); PAIRS];
    for_each_subject!(time(criterion, "64 bytes, 1 pool", &[64], &one), one_size: true);
    for pools in [8, 64] {
        let sizes = sizes(pools);
        let group = format!("64 bytes, {pools} pools");
        for_each_subject!(time(criterion, &group, &sizes, &one), one_size: false);
        let group = format!("random sizes, {pools} pools");
        for_each_subject!(time(criterion, &group, &sizes, &requests(&sizes)), one_size: false);
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300))
        .sample_size(20);
    targets = compare
}
criterion_main!(benches);
