//! `cargo xtask profilers`: heap profilers on a program with a known leak: what each finds, and at what cost.

mod found;
mod programs;
mod runs;
mod table;
mod tool;

use std::{fs, path::Path};

use anyhow::{Result, ensure};

use crate::process;
use runs::Outcome;
use tool::Tool;

/// Runs a program with a known leak under our profiler and those of others, and shows what each finds at what cost.
#[derive(clap::Args)]
pub(crate) struct Profilers {
    /// Write the tables into docs/PROFILERS.md.
    #[arg(long)]
    write: bool,
    /// Rounds in which each profiler runs once, on and off; those that note every call run in three at most.
    #[arg(long, default_value_t = 7, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    rounds: usize,
    /// Requests that the program answers: the leak and the time are in proportion.
    #[arg(long, default_value_t = 100_000)]
    requests: u64,
    /// Only those whose name contains this.
    #[arg(long, conflicts_with = "write")]
    only: Option<String>,
    /// The bench's programs in Rust instead, under the profilers that take samples.
    #[arg(long)]
    programs: bool,
}

impl Profilers {
    pub(crate) fn run(self) -> Result<()> {
        let folder = process::target_dir().join("profilers");
        fs::create_dir_all(&folder)?;
        let mut tools = tool::tools(&folder)?;
        if let Some(name) = &self.only {
            tools.retain(|tool| tool.name.contains(name.as_str()));
            ensure!(!tools.is_empty(), "no profiler has that in its name");
        }
        if self.programs { self.programs(tools, &folder) } else { self.leak(tools, &folder) }
    }

    fn leak(&self, tools: Vec<Tool>, folder: &Path) -> Result<()> {
        let program = tool::build_program(folder)?;
        let runs = runs::interleaved(&tools, &program, folder, self.requests, self.rounds)?;
        let mut outcomes = Vec::new();
        for (tool, runs) in tools.into_iter().zip(runs) {
            let counts = runs::counted(&tool, &program, folder)?;
            outcomes.push(Outcome { tool, runs, counts });
        }
        let tables = format!("{}\n\n{}", table::found(&outcomes), table::cost(&outcomes));
        self.show("profilers", &format!("{} requests", self.requests), &tables)
    }

    fn programs(&self, mut tools: Vec<Tool>, folder: &Path) -> Result<()> {
        tools.retain(|tool| !tool.is_exact);
        let rows = programs::measured(&tools, folder, self.rounds)?;
        let of_what = format!("medians of {} rounds", self.rounds);
        self.show("profilers on programs", &of_what, &programs::table(&rows, &tools))
    }

    fn show(&self, name: &str, of_what: &str, tables: &str) -> Result<()> {
        println!("{tables}");
        if self.write { table::write(name, of_what, tables) } else { Ok(()) }
    }
}
