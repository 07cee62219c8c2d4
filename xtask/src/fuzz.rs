//! `cargo xtask fuzz`: searches for input that breaks a layer, with libFuzzer.
//!
//! The pinned toolchain can instrument: its flags for that are stable. libFuzzer comes as the source of a crate, and
//! takes a compiler of C++.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::process;

/// Searches for input that breaks the targets of `crates/fuzz`, each beginning with its corpus.
#[derive(clap::Args)]
pub(crate) struct Fuzz {
    /// How long, for all targets together.
    #[arg(long, default_value_t = 3600)]
    pub(crate) seconds: u64,
    /// Only these targets.
    pub(crate) targets: Vec<String>,
}

/// Counters at every edge, and comparisons shown to the fuzzer.
const COVERAGE: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Flags are for the target, not for what runs while it is built.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";

impl Fuzz {
    pub(crate) fn run(self) -> Result<()> {
        let corpora = process::root().join("crates/fuzz/corpus");
        let mut targets = Vec::new();
        for entry in fs::read_dir(&corpora)? {
            let name = entry?.file_name().into_string().unwrap_or_default();
            if self.targets.is_empty() || self.targets.contains(&name) {
                targets.push(name);
            }
        }
        targets.sort();
        let known = !targets.is_empty() && targets.len() >= self.targets.len();
        ensure!(known, "the targets are the folders of {}", corpora.display());
        let program = build(&["--package", "stratalloc-fuzz", "--features", "libfuzzer"], "fuzz")?;
        let library = ["--package", "stratalloc-malloc", "--features", "freestanding"];
        let library = build(&library, "libstratalloc.so")?;
        let seconds = (self.seconds / targets.len() as u64).max(1);
        for target in &targets {
            let mut command = command(&program, target, &corpora.join(target), seconds)?;
            if target == "malloc" {
                command.env("LD_PRELOAD", &library);
            }
            let output = process::step(&format!("fuzz {target}"), &mut command)?;
            let runs = runs(&String::from_utf8_lossy(&output.stderr));
            eprintln!("     {} runs", runs.context("libFuzzer says how many runs it had")?);
        }
        Ok(())
    }
}

/// Builds something with coverage, optimised, but with the checks of a debug build; its path.
fn build(arguments: &[&str], product: &str) -> Result<PathBuf> {
    process::need("c++", "g++")?;
    let folder = process::target_dir().join("fuzz");
    let mut cargo = process::cargo(&["build", "--release", "--target", TRIPLE, "--target-dir"]);
    cargo.arg(&folder).args(arguments);
    // What is preloaded finds the counters' functions in the program.
    cargo.env("RUSTFLAGS", format!("{} -Clink-arg=-rdynamic", COVERAGE.join(" ")));
    // libFuzzer's own speed matters little, and its build takes long.
    cargo.env("CXXFLAGS", "-O1");
    cargo.env("CARGO_PROFILE_RELEASE_LTO", "off");
    cargo.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    cargo.env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true");
    process::step(&format!("build {product} with coverage"), &mut cargo)?;
    Ok(folder.join(TRIPLE).join("release").join(product))
}

/// The program on one target. What it finds on its way stays for the next time, apart from the corpus.
fn command(program: &Path, target: &str, corpus: &Path, seconds: u64) -> Result<Command> {
    let found = process::target_dir().join("fuzz/found").join(target);
    fs::create_dir_all(&found)?;
    let mut command = Command::new(program);
    command.env("FUZZ_TARGET", target).arg(&found).arg(corpus);
    command.arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-artifact_prefix={}/", process::target_dir().join("fuzz").display()));
    command.args(["-max_len=4096", "-timeout=100", "-rss_limit_mb=4096", "-detect_leaks=0"]);
    command.arg("-print_final_stats=1");
    Ok(command)
}

/// How many runs libFuzzer says that it had.
fn runs(output: &str) -> Option<u64> {
    let line = output.lines().find(|line| line.starts_with("stat::number_of_executed_units:"))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runs_are_what_libfuzzer_says() {
        assert_eq!(runs("Done\nstat::number_of_executed_units: 31415\nstat::x: 2"), Some(31_415));
        assert_eq!(runs("Done"), None);
    }
}
