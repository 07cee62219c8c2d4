//! A server of map tiles: it draws a tile when it is asked for it, and keeps it until the memory is needed for others.
//!
//! - `cargo run --release -p stratalloc --example tile_server -- serve 127.0.0.1:8080` answers browsers.
//! - `cargo run --release -p stratalloc --example tile_server` puts a load on it, once with the system's allocator, and
//!   then with one layer more each time, each in a process of its own. It prints what each cost.
//! - `valgrind --tool=callgrind target/release/examples/tile_server measure LAYERS REQUESTS` counts instructions, with
//!   so many of the layers, from 0 on.
//!
//! Each shard of the map is a thread that owns a heap, so that nothing in it needs a lock: texts lie in the heap,
//! entries in blocks that are cut from it. What a tile is drawn from lies in a heap that is reset after each request.
//! The shard's heap has a limit: when it refuses, tiles go.

use std::{env, process::Command};

mod cache;
pub(crate) mod http;
pub(crate) mod layers;
pub(crate) mod load;
mod memory;
mod process;
mod random;
pub(crate) mod service;
pub(crate) mod shard;
mod tile;

use layers::Layers;
use load::Load;
use process::Costs;

// The process's allocator stays the system's: the server names the allocator of all that it keeps.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [] => compare(),
        ["serve", address] => Ok(http::listen(address, &Load::FULL.start(Layers::Limit))?),
        ["measure", number, requests] => {
            let layers = *Layers::ALL.get(number.parse::<usize>()?).ok_or("no such layers")?;
            measure(layers, Load { requests: requests.parse()?, ..Load::FULL });
            Ok(())
        }
        _ => Err("no arguments, or: serve ADDRESS".into()),
    }
}

fn compare() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "{} MB for texts and entries; with the limit, for all that the shards' heaps hold",
        Load::FULL.bytes / 1_000_000
    );
    println!(
        "{:26}{:>8}{:>8}{:>9}{:>9}{:>9}{:>10}{:>8}",
        "memory from", "hits %", "most", "evicted", "peak MB", "cleared", "faults", "cpu s"
    );
    for (index, layers) in Layers::ALL.iter().enumerate() {
        let [number, requests] = [index, Load::FULL.requests].map(|n| n.to_string());
        let mut measured = Command::new(env::current_exe()?);
        let status = measured.args(["measure", &number, &requests]).status()?;
        if !status.success() {
            return Err(format!("{}: {status}", layers.name()).into());
        }
    }
    Ok(())
}

/// Puts a load on a server of these layers, and prints a line.
fn measure(layers: Layers, load: Load) {
    let service = load.start(layers);
    load.run(&service);
    let costs = Costs::read();
    stratalloc::arena::global::trim();
    // SAFETY: it may be called at any time.
    unsafe { libc::malloc_trim(0) };
    let cleared = Costs::read().now;
    let figures = service.end();
    println!(
        "{:26}{:>8.1}{:>8}{:>9}{:>9.1}{:>9.1}{:>10}{:>8.2}",
        layers.name(),
        figures.hits as f64 / figures.asked as f64 * 100.0,
        figures.most,
        figures.evicted,
        costs.peak,
        cleared,
        costs.faults,
        costs.seconds,
    );
}
