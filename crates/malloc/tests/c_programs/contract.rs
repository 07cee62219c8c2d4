//! C programs that ask for what the docs promise of each function.

use std::{collections::BTreeSet, path::Path};

use super::{
    EVERY_WAY,
    harness::{Way, check, lib_dir, visible},
};

#[test]
fn semantics_are_those_of_c_posix_and_glibc() {
    for way in EVERY_WAY {
        check("semantics", &[], way);
    }
}

#[test]
fn blocks_of_no_bytes_are_blocks() {
    check("zero_sized", &[], Way::Preloaded);
}

/// The same random calls under the library and under the C library's own malloc: `errno`, alignment, content and
/// usable sizes are checked by the program, and what it sums up of its answers is the same.
#[test]
fn a_million_random_calls_are_answered_as_by_the_c_library() {
    for arguments in [["1", "600000", "1"], ["2", "100000", "4"]] {
        let [ours, theirs] =
            [Way::Preloaded, Way::Alone].map(|way| check("random_calls", &arguments, way));
        assert_eq!((ours.stderr.as_str(), theirs.stderr.as_str()), OF_WHOM);
        assert!(ours.stdout.len() == 17 && ours.stdout == theirs.stdout, "{ours:?}, {theirs:?}");
    }
}

/// What the program says of whose malloc it has.
const OF_WHOM: (&str, &str) = ("stratalloc\n", "the C library\n");

/// What a page's paragraph after `heading` has in backquotes.
fn named_in(page: &str, heading: &str) -> BTreeSet<String> {
    let paragraph = page.split(heading).nth(1).unwrap().trim_start().split("\n\n").next().unwrap();
    let words = paragraph.split('`').skip(1).step_by(2);
    words.filter(|word| !word.contains('.')).map(str::to_owned).collect()
}

#[test]
fn what_is_visible_is_what_the_docs_and_the_header_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(folder.join("../../docs/MALLOC.md")).unwrap();
    let mut named = named_in(&page, "## What it defines\n");
    let header = std::fs::read_to_string(folder.join("include/stratalloc.h")).unwrap();
    for line in header.lines().filter(|line| line.ends_with(");") && !line.starts_with(' ')) {
        let before = line.split('(').next().unwrap();
        named.insert(before.rsplit([' ', '*']).next().unwrap().to_owned());
    }
    assert_eq!(visible(&lib_dir().join("libstratalloc.so")), named);
}

#[test]
fn figures_are_true_and_a_trim_trims() {
    let outcome = check("figures", &[], Way::Preloaded);
    assert!(outcome.stderr.starts_with("stratalloc 0."), "malloc_stats: {outcome:?}");
}

#[test]
fn figures_fit_on_the_smallest_stack() {
    let outcome = check("small_stack", &[], Way::Preloaded);
    assert_eq!(outcome.stdout, "malloc_stats\nmalloc_info\n");
}

#[test]
fn what_an_address_is_can_be_asked() {
    check("debugged", &[], Way::Preloaded);
}

#[test]
fn heaps_are_values() {
    for way in [Way::Linked, Way::Archived] {
        check("heaps", &[], way);
    }
}

#[test]
fn parts_of_a_program_have_accounts() {
    for way in [Way::Linked, Way::Archived, Way::Hardened] {
        check("tags", &[], way);
    }
}

#[test]
fn the_cookbooks_program_does_what_the_page_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(folder.join("../../docs/COOKBOOK.md")).unwrap();
    let program = std::fs::read_to_string(folder.join("tests/c/request.c")).unwrap();
    assert!(
        page.contains(&format!("```c\n{program}```")),
        "docs/COOKBOOK.md shows another program"
    );
    let outcome = check("request", &[], Way::Linked);
    assert_eq!(outcome.stdout, "5 words and 3\n0 bytes in use\n");
}
