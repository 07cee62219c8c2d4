//! The suite under musl.

use super::{
    harness::{Way, build, check, run_with},
    misuse::{TWICE, check_report},
};

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
