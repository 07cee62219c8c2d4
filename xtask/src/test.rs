//! `cargo xtask test`: what CI runs, in the order in which it says most soonest.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::{
    accept::Accept,
    features::{FEATURES, with_features},
    fuzz::Fuzz,
    install,
    kernels::Kernels,
    loom::Loom,
    misuse::Misuse,
    mutants::Mutants,
    nostd::Nostd,
    oldest::Oldest,
    packages::Packages,
    platforms::Platforms,
    process,
    sanitize::Sanitize,
    tally, tidy,
};

/// Runs what CI runs, and prints what ran.
#[derive(clap::Args)]
pub(crate) struct Test {
    /// What needs emulators or other builds, or takes long, instead of the rest: CI runs it after that.
    #[arg(long)]
    elsewhere: bool,
    /// Only the parts of that whose name contains this.
    #[arg(long, value_name = "WORDS", requires = "elsewhere")]
    only: Option<String>,
}

/// What runs elsewhere than on this machine, is built otherwise, or takes long. A name, and what to do.
type Elsewhere = (&'static str, fn() -> Result<()>);

/// To add one, add a line.
const ELSEWHERE: &[Elsewhere] = &[
    ("the oldest compiler", || Oldest {}.run()),
    ("other builds", other_builds),
    ("the workloads that compare allocators", workloads),
    ("no_std crates", || Nostd {}.run()),
    ("the crates as packages", || Packages {}.run()),
    ("the C library as packages", install::try_packages),
    ("other targets", other_targets),
    ("other kernels", || Kernels { quick: true, step: None, machine: None }.run()),
    ("a storm of limits, forks and heaps", storm),
    ("misuse of memory", || Misuse::quick().run()),
    ("Rust programs with the hardened build", hardened),
    ("freed blocks that wait", paranoid),
    ("planted faults", || Mutants::twentieth().run()),
    ("a minute of fuzzing", || Fuzz { seconds: 60, targets: Vec::new() }.run()),
    ("blocks of gigabytes", gigabytes),
    ("the debugger's command", debugger),
    ("blocks announced to others' tools", announced),
];

/// What is built and run for other machines, and its own style: no part of it is a default member.
fn other_targets() -> Result<()> {
    let bare = ["fmt", "--manifest-path", "benches/bare/Cargo.toml", "--check"];
    process::step("the bare kernel, formatted", &mut process::cargo(&bare))?;
    let checks = ["clippy", "--package", "stratalloc-platforms", "--all-targets"];
    let mut clippy = process::cargo(&checks);
    process::step("clippy on what runs there", clippy.args(["--", "-D", "warnings"]))?;
    Platforms::quick().run()
}

/// The front door held to the contract with blocks that are mappings of their own.
fn gigabytes() -> Result<()> {
    let mut command = process::cargo(&["test", "--package", "stratalloc", "--test", "conformance"]);
    tests("blocks of gigabytes", command.args(["--", "--ignored"]))
}

/// `what ADDRESS` and the probes, in gdb.
fn debugger() -> Result<()> {
    process::need("gdb", "gdb")?;
    let mut command = process::cargo(&["test", "--package", "stratalloc-malloc"]);
    command.args(["--test", "c_programs", "--", "--ignored", "the_debugger"]);
    tests("gdb says what an address is", &mut command)
}

/// A Rust program whose blocks are announced, under memcheck and heaptrack.
fn announced() -> Result<()> {
    process::need("valgrind", "valgrind")?;
    process::need("heaptrack", "heaptrack")?;
    let mut command = with_features(&["test", "--test", "announced"], &["stratalloc/announce"]);
    command.args(["--", "--include-ignored"]);
    tests("memcheck and heaptrack see a Rust program's blocks", &mut command)
}

/// The arenas and the front door with the feature `hardened`.
fn hardened() -> Result<()> {
    let mut arenas = with_features(&["test", "--no-fail-fast"], &["stratalloc-arena/hardened"]);
    tests("the arenas with the hardened build", &mut arenas)?;
    let mut front = with_features(
        &["test", "--test", "hardened", "--test", "program"],
        &["stratalloc/hardened"],
    );
    tests("misuse in Rust programs", &mut front)
}

/// The arenas and the front door with the feature `paranoid`.
fn paranoid() -> Result<()> {
    let tests_of_arenas = ["--test", "quarantine", "--test", "faults", "--test", "arena_heap"];
    let mut command = with_features(
        &["test", "--test", "hardened", "--test", "program"],
        &["stratalloc-arena/paranoid", "stratalloc/paranoid"],
    );
    command.args(tests_of_arenas);
    tests("Rust programs with the paranoid build", &mut command)
}

/// Threads that allocate, fork and make heaps while the limit is set, changed and taken away.
fn storm() -> Result<()> {
    let mut command = process::cargo(&["test", "--package", "stratalloc-arena", "--test", "storm"]);
    process::step("a minute of it", command.env("STORM_SECONDS", "60"))?;
    Ok(())
}

impl Test {
    pub(crate) fn run(self) -> Result<()> {
        if !self.elsewhere {
            return run_here();
        }
        run_elsewhere(&self.only.unwrap_or_default())
    }
}

/// Runs all of [`ELSEWHERE`] whose name contains `words`, whatever fails.
fn run_elsewhere(words: &str) -> Result<()> {
    let mut chosen = ELSEWHERE.iter().filter(|(name, _)| name.contains(words)).peekable();
    ensure!(chosen.peek().is_some(), "no part is called so: {words}");
    let mut failed = Vec::new();
    for (name, run) in chosen {
        eprintln!("     elsewhere: {name}");
        if let Err(error) = run() {
            failed.push(format!("{name}: {error:#}"));
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

fn run_here() -> Result<()> {
    process::step("formatted", &mut process::cargo(&["fmt", "--all", "--check"]))?;
    process::step_checked("tidy", || {
        let findings = tidy::check(process::root())?;
        ensure!(findings.is_empty(), "{}", findings.join("\n"));
        Ok(())
    })?;
    let clippy = ["clippy", "--all-targets", "--", "-D", "warnings"];
    process::step("clippy, warnings denied", &mut process::cargo(&clippy))?;
    let mut documentation = process::cargo(&["doc", "--no-deps"]);
    documentation.env("RUSTDOCFLAGS", "-D warnings");
    process::step("documentation, warnings denied", &mut documentation)?;
    let mut all = process::cargo(&["test", "--no-fail-fast"]);
    tests("unit, property, conformance and doc tests", &mut all)?;
    let mut featured = with_features(&["test", "--no-fail-fast"], &FEATURES);
    tests("the small layers with their features", &mut featured)?;
    Loom {}.run()?;
    Sanitize { quick: true }.run()?;
    Accept::default().run()
}

/// What other builds than a debug build of this machine's compiler show.
fn other_builds() -> Result<()> {
    let packages =
        ["core", "compose", "block", "heap", "pool"].map(|name| format!("-pstratalloc-{name}"));
    let mut released = as_released(process::cargo(&["test", "--lib", "--tests"]));
    tests("the small layers as released", released.args(packages))?;
    let misuse = with_features(&["test", "--test", "misuse"], &["stratalloc-block/checked"]);
    tests("the checked blocks as released", &mut as_released(misuse))?;
    tests("std's unstable trait", &mut cargo_test_of_std())
}

/// The workloads of the benches, and whether criterion's compile. No default member, since these build the allocators of
/// others.
fn workloads() -> Result<()> {
    let mut benches = process::cargo(&["check", "--package", "stratalloc-benches", "--benches"]);
    process::step("criterion's benches compile", &mut benches)?;
    let mut command = process::cargo(&["test", "--package", "stratalloc-benches", "--lib"]);
    tests("the workloads that compare allocators", &mut command)
}

/// What std's own `Allocator` trait is turned on by. It is unstable, but the pinned compiler takes it
/// when it is told to.
const STD: [&str; 5] = [
    "stratalloc-core/nightly",
    "stratalloc-compose/nightly",
    "stratalloc-block/nightly",
    "stratalloc-heap/nightly",
    "stratalloc-pool/nightly",
];

/// Runs the tests that are there with std's trait alone.
fn cargo_test_of_std() -> Command {
    let mut command = with_features(&["test", "--lib", "--tests"], &STD);
    command.arg("--target-dir").arg(process::target_dir().join("unstable"));
    command.env("RUSTC_BOOTSTRAP", "1").args(["--", "std_", "theirs_"]);
    command
}

/// Runs tests without the checks of a debug build, as most users have them.
fn as_released(mut command: Command) -> Command {
    command.arg("--target-dir").arg(process::target_dir().join("released"));
    command.env("CARGO_PROFILE_DEV_DEBUG_ASSERTIONS", "false");
    command
}

/// Runs tests, and prints how many passed.
fn tests(name: &str, command: &mut Command) -> Result<()> {
    let output = process::step(name, command)?;
    eprintln!("     {} tests passed", tally::passed(&String::from_utf8_lossy(&output.stdout)));
    Ok(())
}
