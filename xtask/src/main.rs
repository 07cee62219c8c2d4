//! `cargo xtask COMMAND`: everything that people and CI run in this workspace.
//!
//! One file a command. To add one: write `src/NAME.rs` with a `pub(crate) struct` that derives
//! [`clap::Args`] and has `fn run(self) -> anyhow::Result<()>`, and name both in the two lists
//! below. What is measured is built by the command in release; xtask itself is a dev build.

use clap::{Parser, Subcommand};

mod bench;
mod library;
mod process;
mod run;
mod tidy;

commands! {
    bench::Bench,
    library::Lib,
    run::Run,
    tidy::Tidy,
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
