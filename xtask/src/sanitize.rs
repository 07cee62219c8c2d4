//! `cargo xtask sanitize`: the tests under AddressSanitizer and ThreadSanitizer.
//!
//! The pinned toolchain comes with both runtimes; only the compiler's flags are unstable, so it is told
//! to take them.

use std::process::Command;

use anyhow::Result;

use crate::{nostd, process};

/// Runs the tests under AddressSanitizer and ThreadSanitizer.
#[derive(clap::Args)]
pub(crate) struct Sanitize {
    /// The small layers alone, which takes a minute.
    #[arg(long)]
    pub(crate) quick: bool,
}

/// Tests of some packages under one sanitizer.
struct Run {
    sanitizer: &'static str,
    packages: &'static [&'static str],
    features: &'static str,
    quick: bool,
}

const RUNS: [Run; 4] = [
    Run {
        sanitizer: "address",
        packages: &nostd::PACKAGES,
        features: "stratalloc-block/lock_api",
        quick: true,
    },
    Run {
        sanitizer: "thread",
        packages: &["stratalloc-block"],
        features: "stratalloc-block/lock_api",
        quick: true,
    },
    Run { sanitizer: "address", packages: &["stratalloc-arena"], features: "", quick: false },
    Run {
        sanitizer: "thread",
        packages: &["stratalloc-arena", "stratalloc"],
        features: "",
        quick: false,
    },
];

/// The sanitizers that a package's tests run under.
pub(crate) fn of(package: &str) -> Vec<&'static str> {
    let runs = RUNS.iter().filter(|run| run.packages.contains(&package));
    runs.map(|run| run.sanitizer).collect()
}

/// The one for which the toolchain has the runtimes.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";

impl Sanitize {
    pub(crate) fn run(self) -> Result<()> {
        for run in RUNS.iter().filter(|run| run.quick || !self.quick) {
            let name = format!("{} sanitizer: {}", run.sanitizer, run.packages.join(", "));
            process::step(&name, &mut run.command())?;
        }
        Ok(())
    }
}

impl Run {
    fn command(&self) -> Command {
        let mut command = process::cargo(&["test", "--no-fail-fast", "--lib", "--tests"]);
        command.args(self.packages.iter().flat_map(|package| ["--package", package]));
        command.args(["--features", self.features, "--target", TRIPLE, "--target-dir"]);
        command.arg(process::target_dir().join(format!("sanitize-{}", self.sanitizer)));
        command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", self.flags());
        // Tests lend their allocators buffers for the life of the process, and have guards' own handler report faults.
        command.env("ASAN_OPTIONS", "detect_leaks=0:handle_segv=0");
        let suppressions = process::root().join("xtask/src/sanitize.supp");
        command.env("TSAN_OPTIONS", format!("suppressions={}", suppressions.display()));
        command
    }

    fn flags(&self) -> String {
        // The standard library isn't built with the sanitizer, which rustc refuses unless told that
        // we know.
        let flags = format!("-Zsanitizer={} -Cunsafe-allow-abi-mismatch=sanitizer", self.sanitizer);
        match self.sanitizer {
            // Allocators tell the sanitizer which blocks are free.
            "address" => flags + " --cfg asan",
            // Tests of how much memory is resident can't hold where the sanitizer's counts too.
            _ => flags + " --cfg tsan",
        }
    }
}
