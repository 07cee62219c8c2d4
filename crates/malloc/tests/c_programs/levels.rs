//! The checked, hardened and paranoid builds: what they notice, and that right programs run.

use super::{
    harness::{Way, build, build_with_cxx, check, run},
    misuse::{TWICE, check_report},
};

#[test]
fn checked_every_wrong_free_is_reported_at_the_call() {
    let program = build("misuse", Way::Checked);
    let kinds = [
        ("twice", TWICE),
        ("twice-at-call", TWICE),
        ("twice-apart", TWICE),
        ("twice-much-later", TWICE),
        ("twice-by-two", TWICE),
        ("twice-elsewhere", TWICE),
        ("inside", "48 bytes into a block of 208"),
        ("inside-at-call", "16 bytes into a block of 4096"),
        ("never", TWICE),
        ("resized", TWICE),
        ("measured", TWICE),
        ("stack", "not of this allocator"),
        ("large-inside", "not the start of a block in use"),
        ("large-twice", ""),
    ];
    for (kind, words) in kinds {
        check_report(&program, kind, words, Way::Checked);
    }
    assert!(run(&program, &["none"], Way::Checked).status.success());
}

#[test]
fn checked_it_is_as_good_a_malloc() {
    for program in ["semantics", "life", "births", "reuse"] {
        check(program, &[], Way::Checked);
    }
    check("random_calls", &["3", "100000", "4"], Way::Checked);
    check("threads", &["serial", "1000"], Way::Checked);
    check("threads", &["crowd", "300"], Way::Checked);
    check("processes", &["100"], Way::Checked);
    check("limits", &["as", "1000"], Way::Checked);
}

#[test]
fn hardened_every_misuse_is_reported_at_the_call() {
    every_misuse_is_reported(Way::Hardened);
}

#[test]
fn paranoid_every_misuse_is_reported_at_the_call() {
    every_misuse_is_reported(Way::Paranoid);
    let program = build("misuse", Way::Paranoid);
    let kinds = [
        ("sized-never", TWICE),
        ("before", "a block of 208 bytes; what lies before it was written to"),
        ("before-last", "a block of 208 bytes; what lies before it was written to"),
        ("past-last", "a block of 200 bytes, written to past its end"),
        ("leaping-back", "a block of 16 bytes; what lies before it was written to"),
    ];
    for (kind, words) in kinds {
        check_report(&program, kind, words, Way::Paranoid);
    }
}

fn every_misuse_is_reported(way: Way) {
    let program = build("misuse", way);
    let kinds = [
        ("twice", TWICE),
        ("twice-apart", TWICE),
        ("twice-much-later", TWICE),
        ("twice-by-two", TWICE),
        ("twice-elsewhere", TWICE),
        ("inside", "48 bytes into a block of 208"),
        ("never", TWICE),
        ("resized", TWICE),
        ("measured", TWICE),
        ("sized-freed", TWICE),
        ("past", "a block of 200 bytes, written to past its end"),
        ("past-by-zero", "a block of 200 bytes, written to past its end"),
        ("far-past", "a block of 200 bytes, written to past its end"),
        ("after-free", "a block of 208 bytes, written to after it was freed"),
        ("short-after-free", "a block of 112 bytes, written to after it was freed"),
        ("after-free-at-end", "a block of 208 bytes, written to after it was freed"),
        ("short-after-free-at-end", "a block of 112 bytes, written to after it was freed"),
        ("short-wrong-size", "a block of 100 bytes, freed as one of 60 aligned to 16"),
        (
            "short-wrong-size-in-the-class",
            "a block of 100 bytes, freed as one of 101 aligned to 16",
        ),
        ("wrong-size", "a block of 200 bytes, freed as one of 100 aligned to 16"),
        ("wrong-size-in-the-class", "a block of 200 bytes, freed as one of 199 aligned to 16"),
        ("wrong-size-of-large", "a block of 102400 bytes, freed as one of 100 aligned to 16"),
        ("wrong-alignment", "a block of 200 bytes, freed as one of 200 aligned to 4096"),
        ("past-in-the-class", "a block of 70 bytes, written to past its end"),
        ("past-by-few-in-the-class", "a block of 1090 bytes, written to past its end"),
        ("large-past", "a block of 100001 bytes, written to past its end"),
        ("stack", "not of this allocator"),
        ("large-inside", "not the start of a block in use"),
        ("large-twice", ""),
        ("empty-twice", "not in use, a block of 0 bytes"),
        ("empty-inside", "not in use, a block of 0 bytes"),
        ("empty-resized", "not in use, a block of 0 bytes"),
        ("empty-wrong-size", "a block of 0 bytes, freed as one of 1 aligned to 16"),
    ];
    for (kind, words) in kinds {
        check_report(&program, kind, words, way);
    }
    assert!(run(&program, &["none"], way).status.success());
}

#[test]
fn hardened_a_sized_delete_is_compared_unless_the_program_has_its_own() {
    let program = build_with_cxx("sized_delete", "PLAIN");
    let kinds = [
        ("wrong", "a block of 100 bytes, freed as one of 50 aligned to 16"),
        ("wrong-array", "a block of 100 bytes, freed as one of 101 aligned to 16"),
        ("wrong-aligned", "a block of 64 bytes, freed as one of 128 aligned to 64"),
        ("wrong-alignment", "a block of 64 bytes, freed as one of 64 aligned to 4096"),
    ];
    for (kind, words) in kinds {
        check_report(&program, kind, words, Way::Hardened);
    }
    for program in [program, build_with_cxx("sized_delete", "REPLACED")] {
        let outcome = run(&program, &[], Way::Hardened);
        assert!(outcome.status.success(), "{}: {outcome:?}", program.display());
    }
}

#[test]
fn hardened_it_is_as_good_a_malloc() {
    it_is_as_good_a_malloc(Way::Hardened);
}

#[test]
fn paranoid_it_is_as_good_a_malloc() {
    it_is_as_good_a_malloc(Way::Paranoid);
}

fn it_is_as_good_a_malloc(way: Way) {
    // These end a process that asks for the sizes of others.
    check("semantics", &["held"], way);
    for program in ["life", "births", "reuse"] {
        check(program, &[], way);
    }
    check("zero_sized", &["unusable"], way);
    check("guarded", &[], way);
    check("guarded", &["many"], way);
    check("random_calls", &["3", "100000", "4"], way);
    check("threads", &["serial", "1000"], way);
    check("threads", &["crowd", "300"], way);
    check("processes", &["100"], way);
    check("limits", &["as", "1000"], way);
}
