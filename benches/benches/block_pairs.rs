//! What taking and returning one object costs: exact instructions, and time.
//!
//! `cargo bench -p stratalloc-benches --features mimalloc --bench block_pairs`, with valgrind installed.
//!
//! Instructions: each store runs in a process of its own under callgrind, once with twice as many
//! pairs as before, and the difference is the pairs' alone. Time: all stores in turn, round after
//! round, and the least of each; whatever else a machine does makes rounds longer, never shorter.
//! For distributions, see the criterion bench `blocks`.

use std::{env, process::Command, time::Instant};

mod one_size;

use one_size::{Loop, Store, pairs, rows};

/// Pairs that are counted.
const PAIRS: usize = 20_000;
/// Rounds of which the least is taken, and the pairs of each.
const ROUNDS: usize = 3000;
const PER_ROUND: usize = 1000;
/// Objects that are live at once in the last column.
const ROW: usize = 100;

/// In the process that is counted: its arguments are a store's name and a number of pairs.
fn run<S: Store + Default>(name: &str, count: usize) {
    if name == S::NAME {
        pairs(&mut S::default(), count);
    }
}

/// Instructions that this program executes for so many pairs.
fn instructions(store: &str, count: usize) -> u64 {
    let this = env::current_exe().expect("a path");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(this)
        .args(["--count", store, &count.to_string()])
        .output()
        .expect("valgrind is installed");
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split("Collected : ").nth(1));
    collected.and_then(|count| count.trim().parse().ok()).unwrap_or_else(|| panic!("{text}"))
}

fn instructions_of_pair<S: Store>() -> f64 {
    let [once, twice] = [PAIRS, 2 * PAIRS].map(|count| instructions(S::NAME, count));
    (twice - once) as f64 / PAIRS as f64
}

/// A store's two workloads, each with the least nanoseconds a pair so far.
struct Runner {
    name: &'static str,
    instructions: f64,
    least: [f64; 2],
    works: [Box<dyn FnMut()>; 2],
}

fn add<S: Store + Default + 'static>(runners: &mut Vec<Runner>) {
    let (mut one, mut many, mut row) = (S::default(), S::default(), Vec::with_capacity(ROW));
    runners.push(Runner {
        name: S::NAME,
        instructions: instructions_of_pair::<S>(),
        least: [f64::INFINITY; 2],
        works: [
            Box::new(move || pairs(&mut one, PER_ROUND)),
            Box::new(move || rows(&mut many, &mut row, PER_ROUND / ROW)),
        ],
    });
}

impl Runner {
    fn round(&mut self) {
        for (least, work) in self.least.iter_mut().zip(&mut self.works) {
            let start = Instant::now();
            work();
            *least = least.min(start.elapsed().as_nanos() as f64 / PER_ROUND as f64);
        }
    }

    fn print(&self, of_loop: f64) {
        let (name, instructions, [one, many]) =
            (self.name, self.instructions - of_loop, self.least);
        println!("| {name} | {instructions:.0} | {one:.1} | {many:.1} |");
    }
}

fn main() {
    let arguments: Vec<_> = env::args().collect();
    if let [_, flag, name, count] = &arguments[..]
        && flag == "--count"
    {
        let count = count.parse().expect("a number");
        run::<Loop>(name, count);
        for_each_store!(run(name, count));
        return;
    }
    let mut runners = Vec::new();
    add::<Loop>(&mut runners);
    for_each_store!(add(&mut runners));
    for _ in 0..ROUNDS {
        runners.iter_mut().for_each(Runner::round);
    }
    let of_loop = runners[0].instructions;
    println!(
        "| | instructions, less {of_loop:.0} of the loop | ns, one at a time | ns, {ROW} in a row |"
    );
    println!("|---|---|---|---|");
    for runner in &runners {
        runner.print(of_loop);
    }
}
