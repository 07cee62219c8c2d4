//! Nanoseconds of a malloc+free pair: all subjects in turn, round after round, and the least of each.
//!
//! Whatever else a machine does makes rounds longer, never shorter: the least of many is what the
//! allocator itself takes, even on a busy machine. For distributions, see the criterion bench.

use std::{alloc::Layout, hint::black_box, time::Instant};

use stratalloc_embedded_benches::{ALIGN, Subject, for_each_subject, heap, requests, sizes};

const ROUNDS: usize = 4000;

/// One subject's rounds so far.
struct Runner {
    name: &'static str,
    least: f64,
    round: Box<dyn FnMut() -> f64>,
}

fn add<S: Subject + 'static>(runners: &mut Vec<Runner>, sizes: &[usize], all: &[Layout]) {
    let mut subject = S::new(heap(), sizes);
    let all = all.to_vec();
    // What stays live, so that no free gives the heap back to its first state.
    for &layout in all.iter().take(3) {
        assert!(!subject.allocate(layout).is_null());
    }
    let round = move || {
        let start = Instant::now();
        for &layout in &all {
            let block = subject.allocate(black_box(layout));
            // SAFETY: the block is ours, and not used after it is freed.
            unsafe {
                block.write_volatile(1);
                subject.deallocate(black_box(block), black_box(layout));
            }
        }
        start.elapsed().as_nanos() as f64 / all.len() as f64
    };
    runners.push(Runner { name: S::NAME, least: f64::INFINITY, round: Box::new(round) });
}

fn compare(title: &str, mut runners: Vec<Runner>) {
    for _ in 0..ROUNDS {
        for runner in &mut runners {
            runner.least = runner.least.min((runner.round)());
        }
    }
    println!("| {title} | ns a pair |\n|---|---|");
    for runner in &runners {
        println!("| {} | {:.1} |", runner.name, runner.least);
    }
    println!();
}

fn main() {
    let one = vec![Layout::from_size_align(64, ALIGN).expect("a small size"); 1024];
    let mut runners = Vec::new();
    for_each_subject!(add(&mut runners, &[64], &one), one_size: true);
    compare("64 bytes, 1 pool", runners);
    for pools in [8, 64] {
        let sizes = sizes(pools);
        let mut runners = Vec::new();
        for_each_subject!(add(&mut runners, &sizes, &requests(&sizes)), one_size: false);
        compare(&format!("random sizes, {pools} pools"), runners);
    }
}
