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
/// And the one that says how many bytes the block has.
const BYTES: &str = "HARDENED_BYTES";

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

/// The sizes of the blocks with which mistakes are made: one that only its seal says the program holds, and one that has a byte
/// for that.
const SIZES: [usize; 2] = [100, 200];

#[test]
fn mistakes_are_reported() {
    let mistakes = [
        ("none", ""),
        ("twice", "freed already"),
        ("past", "a block of {} bytes, written to past its end"),
        ("size", "a block of {} bytes, freed as one of 60"),
        ("size of the class", "a block of {} bytes, freed as one of {less}"),
        ("elsewhere", ""),
        ("size elsewhere", "a block of {} bytes, freed as one of {less}"),
        ("past, elsewhere", "a block of {} bytes, written to past its end"),
    ];
    for size in SIZES {
        for (mistake, words) in mistakes {
            let words = words.replace("{}", &size.to_string());
            let words = words.replace("{less}", &(size - 2).to_string());
            let output = made(mistake, size);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.success(), words.is_empty(), "{mistake}: {output:?}");
            assert!(said.contains(&words), "{mistake}: {output:?}");
        }
    }
}

#[test]
fn of_two_threads_that_free_a_block_at_the_same_moment_one_is_noticed() {
    for size in SIZES.repeat(10) {
        let output = made("race", size);
        let said = String::from_utf8_lossy(&output.stderr);
        // What the slower one zeroes may be a seal again.
        let words = ["freed already", "written to past its end"];
        assert!(!output.status.success(), "{output:?}");
        assert!(words.iter().any(|words| said.contains(words)), "{output:?}");
    }
}

/// Runs this program again, for one mistake with a block of so many bytes.
fn made(mistake: &str, size: usize) -> Output {
    let mut program = Command::new(env::current_exe().unwrap());
    program.args(["--exact", "a_mistake", "--nocapture"]);
    program.env(MISTAKE, mistake).env(BYTES, size.to_string()).output().unwrap()
}

#[test]
fn a_mistake() {
    let mistake = env::var(MISTAKE).unwrap_or_default();
    let size = env::var(BYTES).map_or(SIZES[0], |bytes| bytes.parse().unwrap());
    let layout = |size| Layout::from_size_align(size, 8).unwrap();
    // SAFETY: none, but for the first: the others are mistakes, which the allocator is to report before harm is done.
    unsafe {
        let block = ALLOCATOR.alloc(layout(size));
        match mistake.as_str() {
            "twice" => ALLOCATOR.dealloc(block, layout(size)),
            "past" => block.add(size).write(0),
            "size" => ALLOCATOR.dealloc(block, layout(60)),
            "size of the class" => ALLOCATOR.dealloc(block, layout(size - 2)),
            "elsewhere" => elsewhere(block, size),
            "size elsewhere" => elsewhere(block, size - 2),
            "past, elsewhere" => {
                block.add(size).write(0);
                elsewhere(block, size);
            }
            "race" => return race(block, layout(size)),
            _ => {}
        }
        ALLOCATOR.dealloc(block, layout(size));
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

/// Frees a block in two threads at once. If neither free is noticed, there are two owners to be: all of them
/// are asked for.
fn race(block: *mut u8, layout: Layout) {
    let place = block.expose_provenance();
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
