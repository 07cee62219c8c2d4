//! Reports: their lines, and how the process ends after them.

use std::{io::Write as _, process::Command, string::String};

use super::*;

fn line(message: fmt::Arguments<'_>) -> String {
    String::from_utf8(Line::format(message).bytes().to_vec()).unwrap()
}

#[test]
fn a_line_has_prefix_and_newline() {
    assert_eq!(line(format_args!("free of {:#x}", 16)), "stratalloc: free of 0x10\n");
}

#[test]
fn only_a_line_that_does_not_fit_is_cut() {
    let room = Line::ROOM - "stratalloc: ".len();
    let fits = "x".repeat(room);
    assert_eq!(line(format_args!("{fits}")), std::format!("stratalloc: {fits}\n"));
    let cut = line(format_args!("{fits}x"));
    assert_eq!(cut.len(), MAX_LINE);
    assert!(cut.ends_with("x...\n"));
}

fn to_stderr(line: &[u8]) {
    std::io::stderr().write_all(line).unwrap();
}

/// Runs one of the ignored tests below in a process of its own; its standard error, and whether
/// it died by a signal or by `std::process::abort`.
#[cfg(not(miri))]
fn last_words(test: &str) -> (String, std::process::ExitStatus) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .unwrap();
    (String::from_utf8(output.stderr).unwrap(), output.status)
}

#[test]
#[ignore = "dies: run by `a_report_reaches_the_sink_before_the_trap`"]
fn dies_by_trap() {
    set_sink(to_stderr);
    fatal(format_args!("the heap is corrupt at {}", 42));
}

#[test]
#[cfg(not(miri))]
fn a_report_reaches_the_sink_before_the_trap() {
    let (words, status) = last_words("diag::tests::dies_by_trap");
    assert!(words.contains("stratalloc: the heap is corrupt at 42\n"), "{words}");
    assert_eq!(status.code(), None, "killed by a signal");
}

#[test]
#[ignore = "dies: run by `the_hook_ends_the_process_and_a_failing_sink_finds_an_end`"]
fn dies_by_hook_with_a_sink_that_fails() {
    fn failing(line: &[u8]) {
        to_stderr(line);
        fatal(format_args!("again"));
    }
    set_sink(failing);
    // SAFETY: it doesn't unwind.
    unsafe { set_abort(|| std::process::exit(77)) };
    fatal(format_args!("once"));
}

#[test]
#[cfg(not(miri))]
fn the_hook_ends_the_process_and_a_failing_sink_finds_an_end() {
    let (words, status) = last_words("diag::tests::dies_by_hook_with_a_sink_that_fails");
    assert_eq!(status.code(), Some(77));
    assert_eq!(words.matches("stratalloc: once\n").count(), 1);
    assert_eq!(words.matches("stratalloc: again\n").count(), MAX_REPORTS - 1);
}

#[test]
#[ignore = "dies: run by `a_sink_that_panics_ends_the_process`"]
fn dies_of_a_sink_that_panics() {
    set_sink(|line| {
        to_stderr(line);
        panic!("the sink fails");
    });
    let report = || fatal(format_args!("once"));
    let _: Result<(), _> = std::panic::catch_unwind(report);
    to_stderr(b"unwound");
}

#[test]
#[cfg(not(miri))]
fn a_sink_that_panics_ends_the_process() {
    let (words, status) = last_words("diag::tests::dies_of_a_sink_that_panics");
    assert!(words.contains("stratalloc: once\n") && !words.contains("unwound"), "{words}");
    assert_eq!(status.code(), None, "killed by a signal");
}

#[test]
#[ignore = "dies: run by `without_a_sink_the_process_still_ends`"]
fn dies_in_silence() {
    fatal(format_args!("unheard"));
}

#[test]
#[cfg(not(miri))]
fn without_a_sink_the_process_still_ends() {
    let (words, status) = last_words("diag::tests::dies_in_silence");
    assert!(!words.contains("unheard"));
    assert_eq!(status.code(), None, "killed by a signal");
}
