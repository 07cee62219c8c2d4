//! Instructions of taking and returning one object, exactly: each store runs in a process of its own
//! under callgrind, once with twice as many pairs as before, and the difference is the pairs' alone.
//!
//! `cargo bench -p stratalloc-benches --features mimalloc --bench block_instructions`, with valgrind installed.

use std::{env, process::Command};

mod one_size;

use one_size::{Loop, Store, pairs};

const PAIRS: usize = 20_000;

/// In the process that is counted: its arguments are a store's name and a number of pairs.
fn run<S: Store + Default>(name: &str, count: usize) {
    if name == S::NAME {
        let mut store = S::default();
        pairs(&mut store, count);
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

fn count<S: Store + Default>() -> f64 {
    let [once, twice] = [PAIRS, 2 * PAIRS].map(|count| instructions(S::NAME, count));
    (twice - once) as f64 / PAIRS as f64
}

fn print<S: Store + Default>(of_loop: f64) {
    println!("| {} | {:.0} |", S::NAME, count::<S>() - of_loop);
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
    let of_loop = count::<Loop>();
    println!("| store | instructions a pair, less {of_loop:.0} of the loop |\n|---|---|");
    for_each_store!(print(of_loop));
}
