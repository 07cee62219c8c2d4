//! C programs from their first call to their last, with threads, forks, signals and libraries that come and go.

use super::{
    EVERY_WAY,
    harness::{Way, build_library, check, lib_dir},
};

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
