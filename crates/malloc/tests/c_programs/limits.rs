//! C programs under limits, and where the kernel refuses.

use super::harness::{Way, build, build_library, check, run_with};

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
