//! C programs under variables of the environment.

use std::path::Path;

use super::{
    EVERY_WAY,
    harness::{Way, build, run_with},
};

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
