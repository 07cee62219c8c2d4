//! The command line of the binaries and the line of JSON that they print.

use std::fmt;
use std::process::{ExitCode, ExitStatus};

use clap::{Parser, Subcommand};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use serde::Serialize;
use stratalloc_samples::{Entry, MemoryRun, Run};

use crate::exec::Exec;
use crate::measure::measure;
use crate::phases::Phases;
use crate::plan::Plan;
use crate::registry;
use crate::workload::{MemoryWorkload, Workload};

/// One allocator under the workloads that compare allocators.
#[derive(Debug, Parser)]
struct Arguments {
    /// Processors to keep to, such as `0,1`.
    #[arg(long, global = true, value_delimiter = ',')]
    cpus: Vec<usize>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print one line of JSON for each workload.
    List {
        /// Those whose memory is looked at as they run.
        #[arg(long)]
        memory: bool,
    },
    /// Run a workload and print one line of JSON.
    Run {
        /// Its name, as `list` has it.
        workload: String,
        /// Threads to work on.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100_000))]
        threads: u64,
        /// Work to do, in percent of the standard amount.
        #[arg(long, default_value_t = 100)]
        scale: usize,
        /// Seed of all random numbers.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Run a workload whose memory is looked at as it goes, and print one line of JSON.
    Memory {
        /// Its name, as `list --memory` has it.
        workload: String,
        /// Work to do, in percent of the standard amount.
        #[arg(long, default_value_t = 100)]
        scale: usize,
        /// No rest is longer than this many seconds.
        #[arg(long, default_value_t = 12)]
        rest: u64,
    },
    /// Run any other program and print one line of JSON.
    Exec(Exec),
}

/// What can go wrong before or after the work.
#[derive(Debug)]
enum Error {
    UnknownWorkload(String),
    Affinity(nix::Error),
    Measure(std::io::Error),
    Program(ExitStatus),
    Print(serde_json::Error),
}

/// Does what the command line asks with the allocator that this binary was linked with. `trim` makes it give back
/// what memory it can, if there is a way to.
pub fn main(allocator: &str, trim: Option<fn()>) -> ExitCode {
    let Arguments { cpus, command } = Arguments::parse();
    let result = pin(&cpus).and_then(|()| match command {
        Command::List { memory: false } => {
            registry::all().try_for_each(|workload| print(&entry(workload)))
        }
        Command::List { memory: true } => {
            registry::all_of_memory().try_for_each(|workload| print(&memory_entry(workload)))
        }
        Command::Memory { workload, scale, rest } => {
            run_of_memory(allocator, workload, scale, (rest, trim))
        }
        Command::Exec(exec) => run_other(exec),
        Command::Run { workload, threads, scale, seed } => {
            run(allocator, workload, &Plan { threads: threads as usize, scale, seed })
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{allocator}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn entry(workload: &Workload) -> Entry {
    Entry {
        workload: workload.name.to_owned(),
        level: workload.level.name().to_owned(),
        size: workload.size.name().to_owned(),
        threads: workload.threads.to_vec(),
        about: workload.about.to_owned(),
    }
}

fn memory_entry(workload: &MemoryWorkload) -> Entry {
    Entry {
        workload: workload.name.to_owned(),
        level: "memory".to_owned(),
        size: workload.size.name().to_owned(),
        threads: vec![1],
        about: workload.about.to_owned(),
    }
}

fn pin(cpus: &[usize]) -> Result<(), Error> {
    if cpus.is_empty() {
        return Ok(());
    }
    let mut set = CpuSet::new();
    cpus.iter().try_for_each(|&cpu| set.set(cpu)).map_err(Error::Affinity)?;
    sched_setaffinity(Pid::from_raw(0), &set).map_err(Error::Affinity)
}

fn run(allocator: &str, name: String, plan: &Plan) -> Result<(), Error> {
    let Some(workload) = registry::find(&name) else { return Err(Error::UnknownWorkload(name)) };
    let (outcome, cost) = measure(|| (workload.run)(plan)).map_err(Error::Measure)?;
    print(&Run {
        workload: name,
        allocator: allocator.to_owned(),
        threads: plan.threads,
        scale: plan.scale,
        ops: outcome.ops,
        checksum: outcome.checksum,
        cost,
    })
}

/// Runs a workload with looks at its memory; `rest` is the longest, `trim` as for [`main`].
fn run_of_memory(
    allocator: &str,
    name: String,
    scale: usize,
    (rest, trim): (u64, Option<fn()>),
) -> Result<(), Error> {
    let Some(workload) = registry::find_of_memory(&name) else {
        return Err(Error::UnknownWorkload(name));
    };
    let plan = Plan { threads: 1, scale, seed: 1 };
    let mut phases = Phases::begin(&plan, rest, trim);
    let checksum = (workload.run)(&mut phases);
    let (allocator, looks) = (allocator.to_owned(), phases.looks());
    print(&MemoryRun { workload: name, allocator, scale, checksum, looks })
}

fn run_other(exec: Exec) -> Result<(), Error> {
    let (status, run) = exec.run().map_err(Error::Measure)?;
    if status.success() { print(&run) } else { Err(Error::Program(status)) }
}

fn print(line: &impl Serialize) -> Result<(), Error> {
    println!("{}", serde_json::to_string(line).map_err(Error::Print)?);
    Ok(())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownWorkload(name) => {
                write!(f, "no workload is called {name}; `list` prints them all")
            }
            Self::Affinity(error) => write!(f, "cannot keep to these processors: {error}"),
            Self::Program(status) => write!(f, "the program ended with {status}"),
            Self::Measure(error) => write!(f, "cannot run or measure it: {error}"),
            Self::Print(error) => write!(f, "cannot write the result: {error}"),
        }
    }
}
