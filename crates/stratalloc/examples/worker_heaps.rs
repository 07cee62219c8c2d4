//! A heap of its own for each worker of a rayon pool: scratch that is built, read and thrown away whole.
//!
//! `cargo run --release -p stratalloc --example worker_heaps`. Each task hashes the points of a tile into
//! cells and counts near pairs. With a worker's heap nothing of that is freed piece by piece:
//! the tables are forgotten, and `reset` takes everything back. The same work with the process's
//! allocator is timed beside it.

use std::{mem::ManuallyDrop, sync::Mutex, time::Instant};

use allocator_api2_02::{alloc::Allocator, vec::Vec as VecIn};
use hashbrown::{DefaultHashBuilder, HashMap};
use rayon::prelude::*;
use stratalloc::ArenaHeap;

#[global_allocator]
static ALLOCATOR: stratalloc::Stratalloc = stratalloc::Stratalloc;

const TILES: u64 = 400;
const POINTS: usize = 20_000;
/// The width of a cell, in units of a tile's side.
const REACH: f64 = 0.004;

type Point = [f64; 2];
/// The points of each cell, by the cell's column and row.
type Cells<A> = HashMap<(i32, i32), VecIn<Point, A>, DefaultHashBuilder, A>;

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().build().expect("threads can be started");
    let heaps: Vec<Mutex<ArenaHeap>> = (0..pool.current_num_threads())
        .map(|_| Mutex::new(ArenaHeap::new().expect("there is memory")))
        .collect();

    // Only its worker locks a heap, so that it never waits.
    let with_heaps = timed("a heap for each worker", &pool, |tile| {
        let worker = rayon::current_thread_index().expect("runs on the pool");
        let mut heap = heaps[worker].lock().expect("no task panics");
        let pairs = count_pairs(&hash_points(tile, &*heap));
        heap.reset();
        pairs
    });
    let without = timed("the process's allocator", &pool, |tile| {
        let cells = hash_points(tile, allocator_api2_02::alloc::Global);
        let pairs = count_pairs(&cells);
        drop(ManuallyDrop::into_inner(cells));
        pairs
    });
    assert_eq!(with_heaps, without);
    println!("{with_heaps} near pairs on {TILES} tiles");
}

fn timed(name: &str, pool: &rayon::ThreadPool, task: impl Fn(u64) -> usize + Sync) -> usize {
    let start = Instant::now();
    let pairs = pool.install(|| (0..TILES).into_par_iter().map(&task).sum());
    println!("{name}: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    pairs
}

/// Returns the points of a tile by cell. It isn't dropped by itself: its owner drops it or resets the heap.
fn hash_points<A: Allocator + Copy>(tile: u64, scratch: A) -> ManuallyDrop<Cells<A>> {
    let mut random = Random(tile + 1);
    let mut cells =
        ManuallyDrop::new(HashMap::with_hasher_in(DefaultHashBuilder::default(), scratch));
    for _ in 0..POINTS {
        let point = [random.unit(), random.unit()];
        let points = cells.entry(cell_of(point)).or_insert_with(|| VecIn::new_in(scratch));
        points.push(point);
    }
    cells
}

fn cell_of([x, y]: Point) -> (i32, i32) {
    ((x / REACH) as i32, (y / REACH) as i32)
}

/// Returns how many pairs of points in one cell lie near to each other.
fn count_pairs<A: Allocator>(cells: &Cells<A>) -> usize {
    let near = |[ax, ay]: Point, [bx, by]: Point| {
        (ax - bx).powi(2) + (ay - by).powi(2) < (REACH / 4.0).powi(2)
    };
    let pairs = |points: &VecIn<Point, A>| {
        let after = |index: usize| points[index + 1..].iter();
        points
            .iter()
            .enumerate()
            .flat_map(|(index, &a)| after(index).filter(move |&&b| near(a, b)))
            .count()
    };
    cells.values().map(pairs).sum()
}

/// Marsaglia's xorshift: the same numbers on every machine.
struct Random(u64);

impl Random {
    /// Returns a number from 0 to 1.
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
