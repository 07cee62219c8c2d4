//! `cargo xtask COMMAND`: everything that people and CI run in this workspace.
//!
//! One file a command. To add one: write `src/NAME.rs` with a `pub(crate) struct` that derives
//! [`clap::Args`] and has `fn run(self) -> anyhow::Result<()>`, and name both in the two lists
//! below. What is measured is built by the command in release; xtask itself is a dev build.

#![expect(clippy::unused_self, reason = "all commands are run by the same call")]

use clap::{Parser, Subcommand};

mod accept;
mod bench;
mod built;
mod debian;
mod demo;
mod evidence;
mod features;
mod files;
mod fuzz;
mod heap_map;
mod heap_steady;
mod install;
mod kernels;
mod library;
mod loom;
mod marks;
mod measure;
mod miri;
mod misuse;
mod mutants;
mod nostd;
mod oldest;
mod operations;
mod packages;
mod platforms;
mod pool_map;
mod process;
mod profile;
mod profilers;
mod replay;
mod run;
mod sanitize;
mod script;
mod semver;
mod soak;
mod tally;
mod test;
mod tidy;
mod top;
mod tune;
mod wasm;

commands! {
    accept::Accept,
    bench::Bench,
    demo::Demo,
    evidence::Evidence,
    fuzz::Fuzz,
    heap_map::HeapMap,
    heap_steady::HeapSteady,
    install::Install,
    kernels::Kernels,
    library::Lib,
    loom::Loom,
    measure::Measure,
    miri::Miri,
    misuse::Misuse,
    mutants::Mutants,
    nostd::Nostd,
    oldest::Oldest,
    operations::Operations,
    packages::Packages,
    platforms::Platforms,
    pool_map::PoolMap,
    profile::Profile,
    profilers::Profilers,
    replay::Replay,
    run::Run,
    sanitize::Sanitize,
    semver::Semver,
    soak::Soak,
    test::Test,
    tidy::Tidy,
    top::Top,
    tune::Tune,
    wasm::Wasm,
}

/// What people and CI run in the stratalloc workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Xtask {
    #[command(subcommand)]
    command: Command,
}

fn main() -> std::process::ExitCode {
    match Xtask::parse().command.run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

/// The enum of commands, each with its name, help and arguments from its own file.
macro_rules! commands {
    ($($module:ident::$command:ident),* $(,)?) => {
        #[derive(Subcommand)]
        enum Command {
            $($command($module::$command)),*
        }

        impl Command {
            fn run(self) -> anyhow::Result<()> {
                match self {
                    $(Self::$command(command) => command.run()),*
                }
            }
        }
    };
}
use commands;
