# cargo build of a crate with threads
# needs: cc=gcc
mkdir -p src
cat >Cargo.toml <<'END'
[package]
name = "made"
version = "0.1.0"
edition = "2021"
[workspace]
END
cat >src/main.rs <<'END'
use std::{collections::BTreeMap, sync::mpsc, thread};

fn main() {
    let (sender, receiver) = mpsc::channel();
    let threads: Vec<_> = (0..4u64)
        .map(|id| {
            let sender = sender.clone();
            thread::spawn(move || (0..20_000u64).for_each(|n| sender.send(format!("{}", n * id % 977)).unwrap()))
        })
        .collect();
    drop(sender);
    let mut counts = BTreeMap::new();
    for word in receiver {
        *counts.entry(word).or_insert(0) += 1;
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    for (word, count) in counts {
        println!("{word} {count}");
    }
}
END
cargo build -q --release --offline
./target/release/made
