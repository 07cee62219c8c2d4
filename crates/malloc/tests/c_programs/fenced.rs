//! Programs whose blocks lie before guard pages.

use std::{os::unix::process::ExitStatusExt, path::Path, process::Command};

use super::harness::{Way, build, lib_dir, run_with};

/// What is done with a fenced block, what is said of it, the signal that ends the process, and whether the block was freed.
const FENCED: [(&str, &str, i32, bool); 16] = [
    ("overflow-write", "a write 1 byte past the end of a fenced block of 48 bytes at ", 11, false),
    ("overflow-read", "a read 4 bytes past the end of a fenced block of 48 bytes at ", 11, false),
    ("underflow-write", "a write 1 byte before a fenced block of 48 bytes at ", 11, false),
    ("underflow-read", "a read 8 bytes before a fenced block of 48 bytes at ", 11, false),
    (
        "overflow-at-free",
        "a fenced block of 48 bytes, written to past its end (overflow)",
        6,
        false,
    ),
    ("underflow-at-free", "block of 48 bytes, written to before its start (underflow)", 6, false),
    ("odd-size", "a fenced block of 13 bytes, written to past its end (overflow)", 6, false),
    ("after-free-write", ", freed already (use after free)", 11, true),
    ("after-free-read", "a read 5 bytes into a fenced block of 48 bytes at ", 11, true),
    ("after-free-elsewhere", ", freed already (use after free)", 11, true),
    ("twice", "a fenced block of 48 bytes, freed already (double free)", 6, true),
    ("twice-elsewhere", "a fenced block of 48 bytes, freed already (double free)", 6, true),
    ("inside", "16 bytes into a fenced block of 48 bytes at ", 6, false),
    ("fence", "1 byte past the end of a fenced block of 48 bytes at ", 6, false),
    ("resized", "a fenced block of 48 bytes, freed already (use after free)", 6, true),
    ("measured", "a fenced block of 48 bytes, freed already (use after free)", 6, true),
];

#[test]
fn misuse_of_fenced_blocks_is_reported_with_the_calls_that_allocated_and_freed_them() {
    for way in [Way::Preloaded, Way::Linked, Way::Static] {
        let program = build("fences", way);
        for (kind, words, signal, is_freed) in FENCED {
            check_fenced(&program, kind, words, signal, is_freed, way);
        }
        for (kind, signal) in [("none", None), ("foreign", Some(libc::SIGSEGV))] {
            let outcome = run_with(&program, &[kind], way, &[("STRATALLOC_GUARDS", "1,512")]);
            assert_eq!(outcome.status.signal(), signal, "{kind}: {outcome:?}");
            assert_eq!(outcome.stderr, "", "{kind}");
        }
    }
}

#[test]
fn guards_that_the_system_has_no_memory_for_are_told_of() {
    let program = build("fences", Way::Preloaded);
    let library = lib_dir().join("libstratalloc.so");
    let under = |megabytes: usize| {
        let mut shell = Command::new("sh");
        shell.args([
            "-c",
            &format!("ulimit -v {}; LD_PRELOAD=\"$1\" exec \"$0\" none", megabytes << 10),
        ]);
        shell.arg(&program).arg(&library).env("STRATALLOC_GUARDS", "1,512");
        shell.output().unwrap()
    };
    let complaint = "stratalloc: STRATALLOC_GUARDS: the system has no memory for guards; ignored\n";
    let said: Vec<_> = (4..64).map(under).filter(|output| output.status.success()).collect();
    let told = said.iter().filter(|output| output.stderr == complaint.as_bytes()).count();
    let silent = said.iter().filter(|output| output.stderr.is_empty()).count();
    assert!(told > 2 && silent > 2 && told + silent == said.len(), "{told}, {silent}: {said:?}");
}

fn check_fenced(program: &Path, kind: &str, words: &str, signal: i32, is_freed: bool, way: Way) {
    let outcome = run_with(program, &[kind], way, &[("STRATALLOC_GUARDS", "1,512")]);
    assert_eq!(outcome.status.signal(), Some(signal), "{kind}: {outcome:?}");
    let (first, rest) = outcome.stderr.split_once('\n').unwrap();
    let is_right = first.starts_with("stratalloc: bad pointer 0x") && first.contains(words);
    assert!(is_right, "{kind}, {way:?}: {outcome:?}");
    let part = |heading: &str| rest.split_once(heading).map(|(_, lines)| functions(program, lines));
    let allocated = part("  allocated in thread ").unwrap();
    assert!(allocated.contains("allocate_here"), "{kind}, {way:?}: {allocated}, {outcome:?}");
    let freed = part("  freed in thread ");
    assert_eq!(freed.is_some(), is_freed, "{kind}: {outcome:?}");
    assert!(freed.is_none_or(|names| names.contains("free_here")), "{kind}: {outcome:?}");
    if signal == libc::SIGSEGV {
        let by = part("  the access is in thread ").unwrap();
        assert!(by.starts_with("touch_here"), "{kind}, {way:?}: {by}, {outcome:?}");
    }
}

/// The names of the functions of the program whose addresses stand in a report, below the first of its lines.
fn functions(program: &Path, lines: &str) -> String {
    let calls = lines.lines().skip(1).map_while(|line| line.strip_prefix("stratalloc:     0x"));
    let path = format!(" {}+", program.canonicalize().unwrap().display());
    let places = calls.filter_map(|call| Some(call.split_once(&path)?.1));
    let mut addr2line = Command::new("addr2line");
    let output = addr2line.args(["-f", "-e"]).arg(program).args(places).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn with_every_block_fenced_it_is_as_good_a_malloc() {
    let guards = [("STRATALLOC_GUARDS", "1,1024")];
    let cases: [(&str, &[&str]); 8] = [
        // The paranoid build ends a process that asks for the sizes of others.
        ("semantics", &["held"]),
        ("life", &[]),
        ("births", &[]),
        ("reuse", &[]),
        ("random_calls", &["3", "30000", "4"]),
        ("threads", &["serial", "200"]),
        ("processes", &["30"]),
        ("signals", &[]),
    ];
    for way in [Way::Preloaded, Way::Checked, Way::Hardened, Way::Paranoid] {
        for (program, arguments) in cases {
            let outcome = run_with(&build(program, way), arguments, way, &guards);
            assert!(outcome.status.success(), "{program}, {way:?}: {outcome:?}");
        }
    }
}
