//! The feature `announce`: memcheck and heaptrack see the blocks of a Rust program.

#![cfg(all(feature = "announce", target_arch = "x86_64"))]

use std::{
    env,
    hint::black_box,
    process::{Command, Output},
};

#[global_allocator]
static ALLOCATOR: stratalloc::Stratalloc = stratalloc::Stratalloc;

/// The variable that has a test be the program that is watched.
const WATCHED: &str = "ANNOUNCED_WATCHED";
const BLOCKS: usize = 1000;
const SIZE: usize = 1234;

/// Loses blocks, frees others on another thread, and reads one that was freed.
#[test]
fn a_program_with_mistakes() {
    if env::var_os(WATCHED).is_none() {
        return;
    }
    (0..BLOCKS).for_each(|_| lose());
    let freed: Vec<_> = (0..BLOCKS).map(|size| vec![1_u8; 200 + size % 100]).collect();
    std::thread::spawn(move || drop(freed)).join().unwrap();
    let mut grown = Vec::new();
    (0..100_000_u64).for_each(|number| grown.push(number));
    assert_eq!(black_box(&grown).iter().sum::<u64>(), 4_999_950_000);
    look_back();
}

#[inline(never)]
fn lose() {
    std::mem::forget(black_box(vec![7_u8; SIZE]));
}

#[inline(never)]
fn look_back() {
    let block = black_box(Box::new(5_u64));
    let address = &raw const *block;
    drop(block);
    // SAFETY: none: it is the mistake that memcheck is to see.
    black_box(unsafe { address.read_volatile() });
}

/// Runs this test's program under a tool.
fn watched_by(tool: &[&str]) -> Output {
    let mut command = Command::new(tool[0]);
    command.args(&tool[1..]).arg(env::current_exe().unwrap());
    command.args(["--exact", "a_program_with_mistakes", "--test-threads=1"]);
    command.env(WATCHED, "1").output().expect("this test needs valgrind and heaptrack")
}

#[test]
#[ignore = "needs valgrind: `cargo xtask test --elsewhere` has it"]
fn memcheck_sees_leaks_and_what_is_read_after_it_was_freed() {
    let output = watched_by(&["valgrind", "--leak-check=full", "--num-callers=30"]);
    let said = String::from_utf8_lossy(&output.stderr);
    let lost = said.split(" \n").find_map(|part| {
        let (before, rest) = part.split_once(" blocks are definitely lost")?;
        let count = before.rsplit(' ').next()?.replace(',', "").parse::<usize>().ok()?;
        rest.contains("lose").then_some(count)
    });
    // Addresses of some still stand in the allocator's stocks, from before they were handed out.
    assert!(lost.is_some_and(|count| count <= BLOCKS && count > BLOCKS - 200), "{said}");
    let read = said.split("Invalid read of size 8").nth(1);
    assert!(read.is_some_and(|part| part.contains("look_back")), "{said}");
    // Nothing that the allocator does itself is told.
    assert!(said.contains("ERROR SUMMARY: ") && !said.contains("Invalid write"), "{said}");
    assert_eq!(said.matches("Invalid read").count(), 1, "{said}");
}

#[test]
#[ignore = "needs heaptrack: `cargo xtask test --elsewhere` has it"]
fn heaptrack_sees_leaks() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let (file, stacks) = (format!("{folder}/announced"), format!("{folder}/announced.folded"));
    let output = watched_by(&["heaptrack", "--output", &file]);
    assert!(output.status.success(), "{output:?}");
    let mut print = Command::new("heaptrack_print");
    print.args(["--flamegraph-cost-type", "leaked", "--print-flamegraph", &stacks, "--file"]);
    assert!(print.arg(format!("{file}.zst")).output().unwrap().status.success());
    let folded = std::fs::read_to_string(&stacks).unwrap();
    let leaked = folded.lines().filter(|line| line.contains("announced::lose"));
    let bytes = leaked.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
    assert_eq!(bytes.sum::<usize>(), BLOCKS * SIZE, "{folded}");
}
