//! Programs that misuse their memory: what is said of it, and that they end.

use std::path::Path;

use super::harness::{Outcome, Way, build, run, run_with};

pub(super) const TWICE: &str = "a block of 208 bytes, freed already";

/// What is done wrongly, and what is said of it.
const MISUSE: [(&str, &str); 25] = [
    ("stack", "not of this allocator"),
    ("data", "not of this allocator"),
    ("mapping", "not of this allocator"),
    ("wild", "not of this allocator"),
    ("low", "not of this allocator"),
    ("twice-at-call", TWICE),
    ("twice-at-end", TWICE),
    ("twice-apart", TWICE),
    ("apart-at-call", "a block of 3072 bytes, freed already"),
    ("apart-elsewhere-at-call", TWICE),
    ("twice-much-later", TWICE),
    ("twice-elsewhere", TWICE),
    ("many-twice", TWICE),
    ("inside", "48 bytes into a block of 208"),
    ("inside-at-call", "16 bytes into a block of 4096"),
    ("unaligned", "8 bytes into a block of 208"),
    ("odd", "1 bytes into a block of 208"),
    ("never", TWICE),
    ("resized", TWICE),
    ("resized-inside", "16 bytes into a block of 208"),
    ("measured", TWICE),
    ("large-inside", "not the start of a block in use"),
    ("large-twice", ""),
    ("huge-inside", "not of this allocator"),
    ("huge-twice", "not of this allocator"),
];

#[test]
fn misuse_is_reported_and_ends_the_process() {
    let program = build("misuse", Way::Preloaded);
    for (kind, words) in MISUSE {
        check_report(&program, kind, words, Way::Preloaded);
    }
    assert!(run(&program, &["none"], Way::Preloaded).status.success());
}

/// Threads whose allocations are counted free on a path of their own.
#[test]
fn misuse_is_reported_where_blocks_are_taken_aside() {
    let program = build("misuse", Way::Preloaded);
    for (kind, words) in MISUSE {
        let rare = [("STRATALLOC_GUARDS", "1000000000")];
        check_outcome(kind, words, &run_with(&program, &[kind], Way::Preloaded, &rare));
    }
    // Each is to be fenced, but the only slot has the first: so none may pass uncounted, and frees go to the cache below.
    let (kind, words) = ("apart-at-call", "a block of 3072 bytes, freed already");
    let all = [("STRATALLOC_GUARDS", "1,1")];
    check_outcome(kind, words, &run_with(&program, &[kind], Way::Preloaded, &all));
}

/// Runs a program that must end with a report, in one line that ends so.
pub(super) fn check_report(program: &Path, kind: &str, words: &str, way: Way) {
    check_outcome(kind, words, &run(program, &[kind], way));
}

fn check_outcome(kind: &str, words: &str, outcome: &Outcome) {
    assert_eq!(outcome.status.code(), None, "{kind}: {outcome:?}");
    assert!(outcome.stderr.starts_with("stratalloc: bad pointer 0x"), "{kind}: {outcome:?}");
    assert!(outcome.stderr.trim_end().ends_with(words), "{kind}: {outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{kind}: {outcome:?}");
}
