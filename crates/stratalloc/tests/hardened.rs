//! The feature `hardened`: a Rust program works, and its mistakes end it with a report.

#![cfg(feature = "hardened")]

use std::{
    alloc::{GlobalAlloc, Layout},
    collections::BTreeMap,
    env,
    process::{Command, Output},
    sync::Barrier,
    thread,
};

use stratalloc::Stratalloc;

#[global_allocator]
static ALLOCATOR: Stratalloc = Stratalloc;

/// The variable that names the mistake which a process is to make.
const MISTAKE: &str = "HARDENED_MISTAKE";

#[test]
fn collections_hold_what_was_put_in() {
    let names: BTreeMap<u32, String> = (0..20_000).map(|n| (n, format!("name {n}"))).collect();
    assert!(names.iter().all(|(n, name)| *name == format!("name {n}")));
}

#[test]
fn a_block_keeps_its_content_as_it_grows() {
    // From the second time on, the thread has blocks of the sizes at hand.
    for _ in 0..10 {
        let mut numbers = Vec::new();
        (0..3000_u32).for_each(|number| numbers.push(number));
        assert!(numbers.iter().copied().eq(0..3000));
    }
}

#[test]
fn mistakes_are_reported() {
    let mistakes = [
        ("none", ""),
        ("twice", "freed already"),
        ("past", "a block of 100 bytes, written to past its end"),
        ("size", "a block of 100 bytes, freed as one of 60"),
        ("size of the class", "a block of 100 bytes, freed as one of 98"),
        ("elsewhere", ""),
        ("size elsewhere", "a block of 100 bytes, freed as one of 98"),
        ("past, elsewhere", "a block of 100 bytes, written to past its end"),
    ];
    for (mistake, words) in mistakes {
        let output = made(mistake);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), words.is_empty(), "{mistake}: {output:?}");
        assert!(said.contains(words), "{mistake}: {output:?}");
    }
}

#[test]
fn of_two_threads_that_free_a_block_at_the_same_moment_one_is_noticed() {
    for _ in 0..20 {
        let output = made("race");
        let said = String::from_utf8_lossy(&output.stderr);
        // What the slower one zeroes may be a seal again.
        let words = ["freed already", "written to past its end"];
        assert!(!output.status.success(), "{output:?}");
        assert!(words.iter().any(|words| said.contains(words)), "{output:?}");
    }
}

/// Runs this program again, for one mistake.
fn made(mistake: &str) -> Output {
    let mut program = Command::new(env::current_exe().unwrap());
    program.args(["--exact", "a_mistake", "--nocapture"]).env(MISTAKE, mistake).output().unwrap()
}

#[test]
fn a_mistake() {
    let mistake = env::var(MISTAKE).unwrap_or_default();
    let layout = |size| Layout::from_size_align(size, 8).unwrap();
    // SAFETY: none, but for the first: the others are mistakes, which the allocator is to report before harm is done.
    unsafe {
        let block = ALLOCATOR.alloc(layout(100));
        match mistake.as_str() {
            "twice" => ALLOCATOR.dealloc(block, layout(100)),
            "past" => block.add(100).write(0),
            "size" => ALLOCATOR.dealloc(block, layout(60)),
            "size of the class" => ALLOCATOR.dealloc(block, layout(98)),
            "elsewhere" => elsewhere(block, 100),
            "size elsewhere" => elsewhere(block, 98),
            "past, elsewhere" => {
                block.add(100).write(0);
                elsewhere(block, 100);
            }
            "race" => return race(block),
            _ => {}
        }
        ALLOCATOR.dealloc(block, layout(100));
    }
}

/// Frees a block in another thread, as one of so many bytes, and ends the process.
fn elsewhere(block: *mut u8, size: usize) {
    let (layout, place) = (Layout::from_size_align(size, 8).unwrap(), block.expose_provenance());
    let other = thread::spawn(move || {
        // SAFETY: none, where the size is wrong: that is the mistake.
        unsafe { ALLOCATOR.dealloc(std::ptr::with_exposed_provenance_mut(place), layout) };
    });
    other.join().unwrap();
    std::process::exit(0);
}

/// Frees a block of 100 bytes in two threads at once. If neither free is noticed, there are two owners to be: all of them
/// are asked for.
fn race(block: *mut u8) {
    let (layout, place) = (Layout::from_size_align(100, 8).unwrap(), block.expose_provenance());
    let meet = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            meet.wait();
            // SAFETY: none: this is the mistake.
            unsafe { ALLOCATOR.dealloc(std::ptr::with_exposed_provenance_mut(place), layout) };
        });
        meet.wait();
        // SAFETY: the block is live here, if the other thread is late.
        unsafe { ALLOCATOR.dealloc(block, layout) };
    });
    for _ in 0..100_000 {
        // SAFETY: the layout isn't of no bytes. The blocks stay, so that none comes twice rightly.
        assert!(!unsafe { ALLOCATOR.alloc(layout) }.is_null());
    }
}
