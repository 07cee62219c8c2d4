//! Allocators of one size that threads share: how many objects a second all threads together take and
//! return, in turn with the other stores, round after round; the median of each. It wants the machine
//! for itself.
//!
//! `cargo bench -p stratalloc-benches --features mimalloc --bench contended`

use std::{
    array,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};
use parking_lot::Mutex;

mod one_size;

use one_size::{
    Direct, Heapless, LinearPool, Locked, Magazined, ObjectPool, Objectpool, ShardedSlab, Shared,
    Store, System, pairs, rows,
};

const THREADS: [usize; 4] = [1, 2, 4, 8];
const ROUNDS: usize = 15;
/// How long one store works in each round.
const TURN: Duration = Duration::from_millis(15);
/// Objects between looks at the clock.
const STEP: usize = 3200;
/// Objects that a thread holds at once, where it holds several.
const ROW: usize = 32;
/// Places of the bucket, through which objects come to be returned by other threads.
const BUCKET: usize = 64;

/// What each thread does, for so many objects.
type Work<S> = fn(&mut S, &Bucket<<S as Store>::Taken>, &mut u32);

/// Objects that any thread may return.
struct Bucket<T>([Place<T>; BUCKET]);

/// A cache line of its own for each.
#[repr(align(128))]
struct Place<T>(Mutex<Option<T>>);

fn one_at_a_time<S: Shared>(store: &mut S, _: &Bucket<S::Taken>, _: &mut u32) {
    pairs(store, STEP);
}

fn in_rows<S: Shared>(store: &mut S, _: &Bucket<S::Taken>, _: &mut u32) {
    rows(store, &mut Vec::with_capacity(ROW), STEP / ROW);
}

/// Takes an object, puts it into the bucket, and returns what lay there.
fn through_the_bucket<S: Shared>(store: &mut S, bucket: &Bucket<S::Taken>, random: &mut u32) {
    for _ in 0..STEP {
        // Knuth's constants: the high bits say where.
        *random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let Place(place) = &bucket.0[(*random >> 16) as usize % BUCKET];
        let taken = store.take();
        let found = place.lock().replace(taken);
        if let Some(found) = found {
            store.put(found);
        }
    }
}

/// Spreads the threads over the cores: a turn is too short for the system to do that.
fn pin_to_core(thread: usize) {
    let mut cores = CpuSet::new();
    let count = thread::available_parallelism().map_or(1, usize::from);
    let pinned =
        cores.set(thread % count).and_then(|()| sched_setaffinity(Pid::from_raw(0), &cores));
    pinned.expect("as many cores as the system says");
}

/// Million objects a second, of all threads together.
fn round<S: Shared<Taken: Send>>(work: Work<S>, threads: usize) -> f64 {
    let bucket = Bucket(array::from_fn(|_| Place(Mutex::new(None))));
    let (start, stop) = (Barrier::new(threads + 1), AtomicBool::new(false));
    let run = |store: &mut S, number: u32| {
        pin_to_core(number as usize);
        let mut random = number;
        start.wait();
        let (begin, mut done) = (Instant::now(), 0);
        while !stop.load(Relaxed) {
            work(store, &bucket, &mut random);
            done += STEP;
        }
        (begin, Instant::now(), done)
    };
    let run = &run;
    let mut stores = S::handles(threads);
    thread::scope(|scope| {
        let threads: Vec<_> = stores
            .iter_mut()
            .zip(1..)
            .map(|(store, seed)| scope.spawn(move || run(store, seed)))
            .collect();
        start.wait();
        thread::sleep(TURN);
        stop.store(true, Relaxed);
        rate(threads.into_iter().map(|thread| thread.join().expect("no panic")))
    })
}

/// Million objects a second: all that was done, from the first beginning to the last end.
fn rate(parts: impl Iterator<Item = (Instant, Instant, usize)>) -> f64 {
    let all = parts
        .reduce(|(begin, end, done), part| (begin.min(part.0), end.max(part.1), done + part.2));
    all.map_or(0.0, |(begin, end, done)| done as f64 / (end - begin).as_micros() as f64)
}

/// One store's figures: the rounds of each column.
struct Runner {
    name: &'static str,
    round: Box<dyn Fn(usize) -> f64>,
    rounds: [Vec<f64>; THREADS.len()],
}

fn runner<S: Shared<Taken: Send> + 'static>(work: Work<S>) -> Runner {
    let round = Box::new(move |threads| round::<S>(work, threads));
    Runner { name: S::NAME, round, rounds: array::from_fn(|_| Vec::new()) }
}

fn compare(title: &str, mut runners: Vec<Runner>) {
    for _ in 0..ROUNDS {
        for runner in &mut runners {
            for (rounds, threads) in runner.rounds.iter_mut().zip(THREADS) {
                rounds.push((runner.round)(threads));
            }
        }
    }
    let columns = THREADS.map(|threads| threads.to_string());
    println!("| {title}, threads: | {} |\n|---|---|---|---|---|", columns.join(" | "));
    for runner in &mut runners {
        let cells = runner.rounds.each_mut().map(|rounds| {
            rounds.sort_by(f64::total_cmp);
            format!("{:.0}", rounds[ROUNDS / 2])
        });
        println!("| {} | {} |", runner.name, cells.join(" | "));
    }
    println!();
}

/// All stores at the same work.
macro_rules! runners {
    ($work:ident) => {
        vec![
            runner::<Magazined>($work),
            runner::<Direct>($work),
            runner::<Locked>($work),
            runner::<Heapless>($work),
            runner::<ShardedSlab>($work),
            runner::<LinearPool>($work),
            runner::<ObjectPool>($work),
            runner::<Objectpool>($work),
            #[cfg(feature = "mimalloc")]
            runner::<one_size::Mimalloc>($work),
            runner::<System>($work),
        ]
    };
}

fn main() {
    compare("one at a time", runners!(one_at_a_time));
    compare("32 in a row", runners!(in_rows));
    compare("returned by any thread", runners!(through_the_bucket));
}
