//! The command line of the binaries and the line of JSON that they print.

use std::fmt;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::measure::{Cost, measure};
use crate::plan::Plan;
use crate::registry::{self, Workload};

/// One allocator under the workloads that compare allocators.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print one line of JSON for each workload.
    List,
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
        /// Processors to keep to, such as `0,1`.
        #[arg(long, value_delimiter = ',')]
        cpus: Vec<usize>,
    },
}

/// A workload as `list` prints it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Entry {
    /// Name of the workload.
    pub workload: String,
    /// Its level: loop, kind, seed or program.
    pub level: String,
    /// How dear it is: quick, long or asked.
    pub size: String,
    /// Numbers of threads that it is usually run with.
    pub threads: Vec<usize>,
    /// What it does.
    pub about: String,
}

/// A run as `run` prints it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Run {
    /// Name of the workload.
    pub workload: String,
    /// Name of the binary, which is that of the allocator.
    pub allocator: String,
    /// Threads that it worked on.
    pub threads: usize,
    /// Work done, in percent of the standard amount.
    pub scale: usize,
    /// Units of work done.
    pub ops: u64,
    /// Equal for every allocator at the same workload, threads, scale and seed.
    pub checksum: u64,
    /// What it cost.
    #[serde(flatten)]
    pub cost: Cost,
}

/// What can go wrong before or after the work.
#[derive(Debug)]
enum Error {
    UnknownWorkload(String),
    Affinity(nix::Error),
    Measure(std::io::Error),
    Print(serde_json::Error),
}

/// Does what the command line asks with the allocator that this binary was linked with.
pub fn main(allocator: &str) -> ExitCode {
    let result = match Arguments::parse().command {
        Command::List => registry::all().try_for_each(|workload| print(&entry(workload))),
        Command::Run { workload, threads, scale, seed, cpus } => pin(&cpus).and_then(|()| {
            run(allocator, workload, &Plan { threads: threads as usize, scale, seed })
        }),
    };
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
            Self::Measure(error) => write!(f, "the kernel does not say what the run cost: {error}"),
            Self::Print(error) => write!(f, "cannot write the result: {error}"),
        }
    }
}
