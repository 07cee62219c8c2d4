//! `cargo xtask test`: everything that CI runs, in the order in which it says most soonest.

use std::{collections::BTreeSet, process::Command};

use anyhow::{Result, ensure};

use crate::{accept::Accept, loom::Loom, nostd::Nostd, process, sanitize::Sanitize, tidy};

/// Runs everything that CI runs, and says what ran.
#[derive(clap::Args)]
pub(crate) struct Test {}

impl Test {
    pub(crate) fn run(self) -> Result<()> {
        process::step("formatted", &mut process::cargo(&["fmt", "--all", "--check"]))?;
        process::step_checked("tidy", || {
            let findings = tidy::check(process::root())?;
            ensure!(findings.is_empty(), "{}", findings.join("\n"));
            Ok(())
        })?;
        let clippy = ["clippy", "--all-targets", "--", "-D", "warnings"];
        process::step("clippy, warnings denied", &mut process::cargo(&clippy))?;
        let all = process::cargo(&["test", "--no-fail-fast"]);
        tests("unit, property, conformance and doc tests", all)?;
        tests("the small layers with their features", cargo_test_with_features())?;

        Nostd {}.run()?;
        Loom {}.run()?;
        if process::has_toolchain("nightly") {
            let mut nightly = process::cargo_of("nightly", &NIGHTLY);
            process::step("std's unstable trait", &mut nightly)?;
            Sanitize { quick: true }.run()?;
        } else {
            eprintln!(
                "not run: std's unstable trait, sanitizers (rustup toolchain install nightly)"
            );
        }
        Accept::default().run()
    }
}

/// Features that add something to test, and work with the stable compiler.
const FEATURES: [&str; 12] = [
    "stratalloc-core/allocator-api2-02",
    "stratalloc-core/allocator-api2-04",
    "stratalloc-core/lock_api",
    "stratalloc-block/allocator-api2-02",
    "stratalloc-block/allocator-api2-04",
    "stratalloc-block/checked",
    "stratalloc-block/lock_api",
    "stratalloc-heap/allocator-api2-02",
    "stratalloc-heap/allocator-api2-04",
    "stratalloc-pool/allocator-api2-02",
    "stratalloc-pool/allocator-api2-04",
    "stratalloc-pool/critical-section",
];

/// The standard library's own trait, in a directory apart from the stable builds.
const NIGHTLY: [&str; 5] = [
    "test",
    "--package=stratalloc-core",
    "--features=nightly",
    "--test=nightly",
    "--target-dir=target/nightly",
];

/// Runs the tests of the crates that have such features, with these.
fn cargo_test_with_features() -> Command {
    let mut command =
        process::cargo(&["test", "--no-fail-fast", "--features", &FEATURES.join(",")]);
    let packages: BTreeSet<_> = FEATURES.iter().filter_map(|name| name.split('/').next()).collect();
    command.args(packages.iter().flat_map(|package| ["--package", package]));
    command
}

/// Runs tests, and says how many passed.
fn tests(name: &str, mut command: Command) -> Result<()> {
    let output = process::step(name, &mut command)?;
    eprintln!("     {} tests passed", passed(&String::from_utf8_lossy(&output.stdout)));
    Ok(())
}

/// The sum of the tests that cargo's output counts as passed.
fn passed(output: &str) -> usize {
    let counts = output.lines().filter_map(|line| {
        line.strip_prefix("test result: ok. ")?.split(' ').next()?.parse::<usize>().ok()
    });
    counts.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_of_all_binaries_are_counted() {
        let output = "test a ... ok\ntest result: ok. 7 passed; 0 failed\n\
                      test result: ok. 12 passed; 1 ignored\ntest result: FAILED. 3 passed";
        assert_eq!(passed(output), 19);
    }
}
