//! C programs under the library, linked to it and with the archive in them.

mod harness;

use std::{
    collections::BTreeSet,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::Command,
};

use harness::{
    Outcome, Way, build, build_library, build_with_cxx, check, lib_dir, run, run_with, visible,
};
use stratalloc_profile::{Profile, Quantity, Symbols};

const EVERY_WAY: [Way; 4] = [Way::Preloaded, Way::Linked, Way::Archived, Way::Static];

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

#[test]
fn calls_before_main_after_it_and_while_threads_end() {
    for way in EVERY_WAY {
        let outcome = check("life", &[], way);
        assert_eq!(outcome.stdout, "after main\nat exit\ndestructor\n", "{way:?}");
    }
}

#[test]
fn loaded_late_and_closed_while_threads_live() {
    let library = lib_dir().join("libstratalloc.so");
    check("late", &[library.to_str().unwrap()], Way::Alone);
}

#[test]
fn what_the_dynamic_linker_allocates() {
    let plugin = build_library("plugin");
    for way in [Way::Preloaded, Way::Linked, Way::Archived, Way::Hardened] {
        check("plugin", &[plugin.to_str().unwrap()], way);
    }
}

#[test]
fn forks_in_a_threaded_program() {
    for way in [Way::Preloaded, Way::Archived] {
        check("processes", &["300"], way);
    }
}

#[test]
fn forks_while_heaps_are_made() {
    for _ in 0..5 {
        check("births", &[], Way::Preloaded);
    }
}

#[test]
fn forks_while_streams_are_flushed() {
    for way in [Way::Preloaded, Way::Archived] {
        check("streams", &[], way);
    }
}

#[test]
fn ten_thousand_threads_one_after_another() {
    check("threads", &["serial", "10000"], Way::Preloaded);
}

#[test]
fn a_thousand_threads_at_once() {
    check("threads", &["crowd", "1000"], Way::Preloaded);
}

#[test]
fn signals_inside_malloc() {
    check("signals", &[], Way::Preloaded);
}

#[test]
fn limits_on_address_space_and_data() {
    for resource in ["as", "data"] {
        for size in ["1000", "30000", "100000", "3000000"] {
            check("limits", &[resource, size], Way::Preloaded);
        }
    }
}

#[test]
fn under_a_limit_what_one_size_had_serves_others() {
    for size in ["48", "100", "1000", "5000", "30000", "100000"] {
        check("limits", &["as-others", size], Way::Preloaded);
    }
}

#[test]
fn limits_set_after_the_start_are_kept_and_leave_room() {
    let plugin = build_library("plugin");
    for resource in ["as", "data"] {
        check("late_limit", &[resource, plugin.to_str().unwrap()], Way::Preloaded);
    }
}

#[test]
fn threads_share_a_narrow_limit() {
    for [resource, kilobytes, threads] in [
        ["as", "150000", "64"],
        ["as", "750000", "300"],
        ["data", "120000", "64"],
        ["data", "750000", "300"],
    ] {
        check("narrow", &[resource, kilobytes, threads], Way::Preloaded);
    }
}

#[test]
fn a_process_locked_into_memory_stays_small() {
    for threads in ["0", "16"] {
        let outcome = check("locked", &[threads], Way::Preloaded);
        if outcome.stdout == "not allowed\n" {
            eprintln!("left out: locking memory needs CAP_IPC_LOCK");
        }
    }
}

#[test]
fn all_mappings_used_up() {
    check("limits", &["maps"], Way::Preloaded);
    check("limits", &["maps-served"], Way::Preloaded);
    check("limits", &["maps-first"], Way::Preloaded);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn whatever_call_the_kernel_refuses() {
    check("refused", &[], Way::Preloaded);
    check("refused", &["lasting"], Way::Preloaded);
}

/// `EPERM`, `EACCES` and `ENOSYS`, as sandboxes answer a call that they don't allow.
const REFUSALS: [&str; 3] = ["1", "13", "38"];

#[test]
fn calls_that_a_sandbox_refuses_for_good() {
    // Before the first allocation of all, which only a static program can be.
    for (way, when) in [(Way::Static, "first"), (Way::Preloaded, "warm")] {
        for refusal in REFUSALS {
            for allowed in ["-", "r", "a", "p", "ra", "rp", "ap", "rap"] {
                check("sandbox", &[when, allowed, refusal], way);
            }
        }
    }
}

#[test]
fn calls_that_a_sandbox_kills_for() {
    for (way, when) in [(Way::Static, "first"), (Way::Preloaded, "warm")] {
        for allowed in ["ra", "rap"] {
            check("sandbox", &[when, allowed, "0"], way);
        }
    }
}

/// With the setting, what is left is what the C library's own malloc needs.
#[test]
fn a_sandbox_that_kills_for_madvise() {
    for (way, when) in [(Way::Static, "first"), (Way::Preloaded, "warm")] {
        let program = build("sandbox", way);
        for allowed in ["r", "rp"] {
            let setting = [("STRATALLOC_MADVISE", "no")];
            let outcome = run_with(&program, &[when, allowed, "0"], way, &setting);
            assert!(outcome.status.success(), "{allowed}, {way:?}: {outcome:?}");
        }
    }
}

#[test]
fn variables_choose_limit_and_what_is_kept() {
    let complaint = "stratalloc: STRATALLOC_LIMIT is not a size from 16M on; ignored\n";
    let unknown = "stratalloc: STRATALLOC_LIMITS is unknown; ignored\n";
    let unclear = "stratalloc: STRATALLOC_HUGE_PAGES is not yes or no; ignored\n";
    let unnumbered = "stratalloc: STRATALLOC_GUARDS is not a number, or two as 1000,256; ignored\n";
    let no_stats = "stratalloc: STRATALLOC_STATS: the file can't be written\n";
    let no_map = "stratalloc: STRATALLOC_MAP: the file can't be written\n";
    let no_profile = "stratalloc: STRATALLOC_PROFILE_SIGNAL without STRATALLOC_PROFILE; ignored\n";
    let cases = [
        ("STRATALLOC_LIMIT", "64M", "limited, kept\n", ""),
        ("STRATALLOC_LIMIT", "2G", "unlimited, kept\n", ""),
        ("STRATALLOC_LIMIT", "4K", "unlimited, kept\n", complaint),
        ("STRATALLOC_LIMIT", "all", "unlimited, kept\n", complaint),
        ("STRATALLOC_KEEP", "1M", "unlimited, given back\n", ""),
        ("STRATALLOC_DECAY", "1h", "unlimited, kept\n", ""),
        ("STRATALLOC_HUGE_PAGES", "no", "unlimited, kept\n", ""),
        ("STRATALLOC_HUGE_PAGES", "2M", "unlimited, kept\n", unclear),
        ("STRATALLOC_MADVISE", "no", "unlimited, kept\n", ""),
        ("STRATALLOC_BACKGROUND", "yes", "unlimited, kept\n", ""),
        ("STRATALLOC_GUARDS", "1000", "unlimited, kept\n", ""),
        ("STRATALLOC_GUARDS", "yes", "unlimited, kept\n", unnumbered),
        ("STRATALLOC_LIMITS", "64M", "unlimited, kept\n", unknown),
        ("STRATALLOC_STATS", "", "unlimited, kept\n", no_stats),
        ("STRATALLOC_STATS", "/none/stats", "unlimited, kept\n", no_stats),
        ("STRATALLOC_MAP", "/none/map.svg", "unlimited, kept\n", no_map),
        ("STRATALLOC_PROFILE_SIGNAL", "USR1", "unlimited, kept\n", no_profile),
    ];
    for way in EVERY_WAY {
        let program = build("settings", way);
        for (name, value, stdout, stderr) in cases {
            let outcome = run_with(&program, &[], way, &[(name, value)]);
            let said = (outcome.stdout.as_str(), outcome.stderr.as_str());
            assert_eq!(said, (stdout, stderr), "{name}={value}, {way:?}");
        }
    }
}

#[test]
fn a_thread_in_the_background_gives_memory_back() {
    let background = [("STRATALLOC_BACKGROUND", "yes"), ("STRATALLOC_DECAY", "200ms")];
    for way in [Way::Preloaded, Way::Static] {
        let outcome = run_with(&build("background", way), &[], way, &background);
        assert_eq!(outcome.stdout, "little is left\n", "{way:?}: {outcome:?}");
    }
}

/// What `settings` leaves in the file that a variable names.
fn written_at_end(variable: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(variable);
    let _ = std::fs::remove_file(&path);
    let variables = [(variable, path.to_str().unwrap())];
    let outcome = run_with(&build("settings", Way::Preloaded), &[], Way::Preloaded, &variables);
    assert!(outcome.status.success() && outcome.stderr.is_empty(), "{outcome:?}");
    std::fs::read_to_string(&path).unwrap()
}

#[test]
fn a_map_is_written_as_the_process_ends() {
    let map = written_at_end("STRATALLOC_MAP");
    assert!(map.starts_with("<svg") && map.ends_with("</svg>\n"), "{map}");
    assert!(map.contains(">Partition 7<") && map.contains("a thread's heap"), "{map}");
}

#[test]
fn figures_are_written_as_the_process_ends() {
    let figures = written_at_end("STRATALLOC_STATS");
    assert!(figures.starts_with("stratalloc 0.") && figures.ends_with('\n'), "{figures}");
    let kib = figures.lines().find_map(|line| line.trim_start().strip_prefix("1024 ")).unwrap();
    let peak: u32 = kib.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!((24_000..25_000).contains(&peak), "{figures}");
}

const TWICE: &str = "a block of 208 bytes, freed already";

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
fn check_report(program: &Path, kind: &str, words: &str, way: Way) {
    check_outcome(kind, words, &run(program, &[kind], way));
}

fn check_outcome(kind: &str, words: &str, outcome: &Outcome) {
    assert_eq!(outcome.status.code(), None, "{kind}: {outcome:?}");
    assert!(outcome.stderr.starts_with("stratalloc: bad pointer 0x"), "{kind}: {outcome:?}");
    assert!(outcome.stderr.trim_end().ends_with(words), "{kind}: {outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{kind}: {outcome:?}");
}

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
        ("sized-freed", TWICE),
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
        ("past", "a block of 200 bytes, written to past its end"),
        ("past-by-zero", "a block of 200 bytes, written to past its end"),
        ("far-past", "a block of 200 bytes, written to past its end"),
        ("after-free", "a block of 208 bytes, written to after it was freed"),
        ("short-after-free", "a block of 112 bytes, written to after it was freed"),
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
    // The paranoid build ends a process that asks for the sizes of others.
    let sizes = if matches!(way, Way::Paranoid) { &["held"][..] } else { &[] };
    check("semantics", sizes, way);
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

/// Runs `profile_moments` under a profile with another variable; returns what the paths of all profiles begin with.
fn written_meanwhile(moment: &str, interval: &str, variable: (&str, &str)) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("profiles-{moment}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("heap");
    let wanted = format!("{},{interval}", path.display());
    let program = build("profile_moments", Way::Preloaded);
    let variables = [("STRATALLOC_PROFILE", wanted.as_str()), variable];
    let outcome = run_with(&program, &[moment], Way::Preloaded, &variables);
    assert!(outcome.status.success() && outcome.stderr.is_empty(), "{outcome:?}");
    path
}

const SIGNAL: (&str, &str) = ("STRATALLOC_PROFILE_SIGNAL", "USR2");

#[test]
fn a_signal_has_the_profile_written_as_it_is_then() {
    let path = written_meanwhile("signal", "64K", SIGNAL);
    for (ending, truth) in [("1", 65536.0 * 1024.0), ("2", 0.0)] {
        let (bytes, error) = held_by("keeper", &path.with_extension(ending), Quantity::Live);
        assert!((bytes - truth).abs() <= 5.0 * error, "{ending}: {bytes} ± {error}");
    }
    assert!(path.exists() && !path.with_extension("3").exists());
}

#[test]
fn signals_amid_samples_write_whole_profiles() {
    // Nearly each allocation is sampled.
    let path = written_meanwhile("amid", "16", SIGNAL);
    let files: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert!((2..=41).contains(&files.len()), "{} files", files.len());
    for file in files {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let profile: Profile = text.parse().unwrap();
        assert!(
            profile.total(Quantity::Allocated).bytes > 0 && text.contains("\nmaps\n"),
            "{text}"
        );
    }
}

#[test]
fn the_limits_first_refusal_has_the_profile_written() {
    let path = written_meanwhile("limit", "64K", ("STRATALLOC_LIMIT", "32M"));
    let (bytes, error) = held_by("keeper", &path.with_extension("limit"), Quantity::Live);
    let most = f64::from(32 << 20);
    assert!((most * 0.8 - 5.0 * error..=most + 5.0 * error).contains(&bytes), "{bytes} ± {error}");
}

/// The probes in a library's notes, by name, with how many arguments each has.
fn probes(library: &Path) -> BTreeSet<(String, usize)> {
    let mut readelf = std::process::Command::new("readelf");
    let output = readelf.args(["--notes", "--wide"]).arg(library).output().unwrap();
    let notes = String::from_utf8_lossy(&output.stdout).into_owned();
    let field = |note: &str, name: &str| {
        let line = note.lines().find_map(|line| line.trim_start().strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in {notes}")).trim().to_owned()
    };
    let mut found = BTreeSet::new();
    for note in notes.split("Provider: stratalloc\n").skip(1) {
        let location = field(note, "Location: 0x");
        // Tools leave out a file whose base the linker has dropped.
        assert!(
            !location.contains("0000000000000000, Sem")
                && !location.starts_with("0000000000000000"),
            "{note}"
        );
        let arguments = field(note, "Arguments: ");
        assert!(arguments.split(' ').all(|argument| argument.starts_with("8@")), "{arguments}");
        found.insert((field(note, "Name: "), arguments.split(' ').count()));
    }
    found
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[test]
fn the_probes_of_the_slow_paths_are_noted() {
    let names = ["allocate_slow", "commit", "purge", "refill", "sampled"];
    let expected = names.map(|name| (name.to_owned(), 2)).into();
    assert_eq!(probes(&lib_dir().join("libstratalloc.so")), expected);
}

#[test]
#[ignore = "needs gdb: `cargo xtask test --elsewhere` has it"]
fn the_debugger_stops_at_a_probe_and_reads_its_arguments() {
    let probe = "break -probe-stap stratalloc:allocate_slow";
    let asked = ["print $_probe_arg0", "print $_probe_arg1", "delete", "continue"];
    let commands = ["set disable-randomization off", "break stop", "run", probe, "continue"];
    let said = debugged(&build("debugged", Way::Linked), &[&commands[..], &asked].concat());
    // What the program asks for after it stopped first, aligned as C has it.
    assert!(said.contains("$1 = 104857600\n") && said.contains("$2 = 16\n"), "{said}");
}

/// What gdb prints for commands, on a program that it starts.
fn debugged(program: &Path, commands: &[&str]) -> String {
    let mut gdb = std::process::Command::new("gdb");
    gdb.args(["-nx", "-batch"]).arg(program);
    gdb.args(commands.iter().flat_map(|command| ["-ex", command]));
    let output = gdb.stdin(std::process::Stdio::null()).output().expect("this test needs gdb");
    let [said, complained] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{said}{complained}");
    eprintln!("{said}{complained}");
    said
}

#[test]
#[ignore = "needs gdb: `cargo xtask test --elsewhere` has it"]
fn the_debuggers_command_says_what_an_address_is() {
    let source = concat!("source ", env!("CARGO_MANIFEST_DIR"), "/gdb/what.py");
    let stopped =
        ["set disable-randomization off", "break stop", "run", "up", source, "set $kept = small"];
    let asked = [
        "what small",
        "what (char *)small + 8",
        "what freed",
        "what (char *)large + 5000",
        "what others",
        "what &small",
        "what $sp",
        "what 0",
    ];
    // In the midst of an allocation, whose thread holds its heap's lock.
    let within = ["catch syscall mmap", "continue", "what $kept", "delete", "continue"];
    let said = debugged(&build("debugged", Way::Linked), &[&stopped[..], &asked, &within].concat());
    let lines = said.lines().filter_map(|line| line.strip_prefix("0x")?.split_once(": "));
    let answers: Vec<_> = lines.map(|(_, answer)| answer).collect();
    let expected = [
        "a live block of 208, of this thread's heap: area 0x",
        "8 bytes into a live block of 208 at 0x",
        "a free (at hand) block of 1024, of this thread's heap: area 0x",
        "5000 bytes into a live large block of 1048576 at 0x",
        "a live block of 320, of another thread's heap: area 0x",
        "not of this allocator",
        "not of this allocator",
        "not of this allocator",
        "can't be said now, the heap is being changed, of this thread's heap: area 0x",
    ];
    assert_eq!(answers.len(), expected.len(), "{said}");
    for (answer, start) in answers.iter().zip(expected) {
        assert!(answer.starts_with(start), "{answer}, not {start}");
    }
    // The program itself prints nothing, which might come in the midst of a line.
    assert!(said.contains(" exited normally]"), "{said}");
}

#[test]
#[ignore = "needs gdb: `cargo xtask test --elsewhere` has it"]
fn the_debuggers_command_says_the_same_of_a_core_dump() {
    let cases = [
        ("what small", "a live block of 208, of a thread's heap: area 0x"),
        ("what (char *)small + 8", "8 bytes into a live block of 208 at 0x"),
        ("what freed", "a free (at hand) block of 1024, of a thread's heap: area 0x"),
        ("what given_back", "a free block of 32768, of a thread's heap: area 0x"),
        ("what (char *)unused + 1", "1 bytes into a never used block of 48 at 0x"),
        ("what (char *)large + 5000", "5000 bytes into a live large block of 1048576 at 0x"),
        ("what (char *)whole + 9", "9 bytes into a live large block with arenas of its own of "),
        ("what (char *)huge + 7", "7 bytes into a live huge block of 5368709120 at 0x"),
        ("what others", "a live block of 320, of a thread's heap: area 0x"),
        ("what of_heap", "a live block of 112, of an arena heap: area 0x"),
        ("what (long)small >> 36 << 36", "the allocator's books, of a thread's heap: area 0x"),
        ("what (long)large + (1 << 28)", "memory that no block has, of a thread's heap: area 0x"),
        ("what &small", "not of this allocator"),
        ("what $sp", "not of this allocator"),
        ("what 0", "not of this allocator"),
    ];
    let asked = cases.map(|(asked, _)| asked);
    let core = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debugged.core");
    let [dump, load] =
        ["generate-core-file", "core-file"].map(|verb| format!("{verb} {}", core.display()));
    let source = concat!("source ", env!("CARGO_MANIFEST_DIR"), "/gdb/what.py");
    let stopped = ["set disable-randomization off", source, "break stop", "run", "up"];
    let dead = [dump.as_str(), "kill", &load, "up"];
    let program = build("debugged", Way::Linked);
    let said = debugged(&program, &[&stopped[..], &asked, &dead, &asked].concat());
    std::fs::remove_file(core).unwrap();
    let lines = said.lines().filter(|line| line.starts_with("0x") && line.contains(": "));
    let answers: Vec<_> = lines.collect();
    assert_eq!(answers.len(), 2 * cases.len(), "{said}");
    let (alive, dead) = answers.split_at(cases.len());
    for ((alive, dead), (asked, start)) in alive.iter().zip(dead).zip(cases) {
        let (_, answer) = dead.split_once(": ").unwrap();
        assert!(answer.starts_with(start), "{asked}: {answer}, not {start}");
        let known = ["this thread's", "another thread's"];
        let alive =
            known.iter().fold(alive.to_string(), |line, whose| line.replace(whose, "a thread's"));
        assert_eq!(alive, *dead, "{asked}");
    }
}

/// The bytes of a quantity that the profile in a file has by a function, and their standard error.
fn held_by(function: &str, file: &Path, quantity: Quantity) -> (f64, f64) {
    let profile: Profile = std::fs::read_to_string(file).unwrap().parse().unwrap();
    let mut symbols = Symbols::new(&profile);
    let (mut bytes, mut variance) = (0.0, 0.0);
    for site in &profile.sites {
        if symbols.trace(site).iter().any(|(_, frame)| frame.function == function) {
            let figures = site.figures(quantity);
            bytes += figures.bytes as f64;
            variance += figures.error.powi(2);
        }
    }
    (bytes, variance.sqrt())
}

#[test]
fn a_profile_tells_which_function_holds_the_memory() {
    let program = build("profile", Way::Preloaded);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (at_end, within) = (folder.join("at-end.profile"), folder.join("within.profile"));
    let wanted = format!("{},64K", at_end.display());
    let variables = [("STRATALLOC_PROFILE", wanted.as_str())];
    let outcome = run_with(&program, &[within.to_str().unwrap()], Way::Preloaded, &variables);
    assert!(outcome.status.success() && outcome.stderr.is_empty(), "{outcome:?}");
    let child = folder.join(format!("at-end.profile.{}", outcome.stdout.trim()));
    let whole = 65536.0 * 1024.0;
    let cases = [
        ("keeper", &at_end, Quantity::Live, whole),
        ("keeper", &within, Quantity::Live, whole),
        ("passer", &within, Quantity::Live, 0.0),
        ("passer", &at_end, Quantity::Allocated, whole / 2.0),
        ("keeper", &child, Quantity::Live, 0.0),
        ("keeper", &child, Quantity::Peak, whole),
    ];
    for (function, file, quantity, truth) in cases {
        let (bytes, error) = held_by(function, file, quantity);
        let close = (bytes - truth).abs() <= 5.0 * error && error < whole / 20.0;
        assert!(close, "{function}, {quantity:?}: {bytes} ± {error} in {}", file.display());
    }
}

/// What is told to these, they were told above.
#[test]
#[ignore = "needs musl and an archive for it: run by `cargo xtask platforms`"]
fn static_programs_on_musl() {
    let programs: &[(&str, &[&str], &str)] = &[
        ("semantics", &[], ""),
        ("zero_sized", &[], ""),
        ("figures", &[], ""),
        ("small_stack", &[], "malloc_stats\nmalloc_info\n"),
        ("debugged", &[], ""),
        ("heaps", &[], ""),
        ("tags", &[], ""),
        ("request", &[], "5 words and 3\n0 bytes in use\n"),
        ("life", &[], "after main\nat exit\ndestructor\n"),
        ("processes", &["100"], ""),
        ("births", &[], ""),
        ("signals", &[], ""),
        ("streams", &[], ""),
        ("threads", &["serial", "2000"], ""),
        ("threads", &["crowd", "300"], ""),
        ("limits", &["as", "30000"], ""),
        ("limits", &["data", "1000"], ""),
        ("limits", &["maps"], ""),
        ("narrow", &["as", "150000", "64"], ""),
        ("sandbox", &["first", "-", "1"], ""),
        ("sandbox", &["first", "ra", "0"], ""),
        ("settings", &[], "unlimited, kept\n"),
        ("reuse", &[], ""),
        ("misuse", &["none"], ""),
    ];
    for (name, arguments, stdout) in programs {
        assert_eq!(check(name, arguments, Way::Musl).stdout, *stdout, "{name} {arguments:?}");
    }
    let sum = ["random_calls", "1", "600000", "1"];
    let [ours, theirs] = [Way::Musl, Way::Alone].map(|way| check(sum[0], &sum[1..], way).stdout);
    assert_eq!(ours, theirs);
    check_report(&build("misuse", Way::Musl), "twice-at-call", TWICE, Way::Musl);
    let limit = [("STRATALLOC_LIMIT", "64M")];
    let limited = run_with(&build("settings", Way::Musl), &[], Way::Musl, &limit);
    assert_eq!(limited.stdout, "limited, kept\n", "{limited:?}");
}
