//! `cargo xtask bench`: allocators side by side. What is measured, and what the figures are worth, is in
//! `benches/README.md`.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::process;

#[cfg(test)]
mod browser;
mod chart;
mod compare;
mod instructions;
mod machine;
mod micro;
mod program;
mod record;
mod report;
mod runners;
mod schedule;
mod statistics;
mod table;

use record::{Line, Record, Writer};

/// Runs the same workloads on every allocator, in turn, and says who took how long and how much.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Bench {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    options: Options,
    /// A program and its arguments: run it under every allocator that has a shared library.
    #[arg(last = true)]
    program: Vec<OsString>,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Set two records against each other, row by row.
    Compare {
        /// The earlier record, a file of JSON lines.
        old: PathBuf,
        /// The later one.
        new: PathBuf,
    },
    /// Print the tables of a record and write its report anew.
    Show {
        /// A file of JSON lines.
        record: PathBuf,
    },
}

/// What to measure and how often.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
#[derive(clap::Args)]
struct Options {
    /// Three minutes at most once everything is built: less work a run, one number of threads a workload.
    #[arg(long)]
    quick: bool,
    /// Only workloads whose name, level or description contains this; may be repeated.
    #[arg(long)]
    filter: Vec<String>,
    /// Runners to compare, by name; `all` for every one [default: all but single heaps behind a lock].
    #[arg(long, value_delimiter = ',')]
    allocators: Vec<String>,
    /// Numbers of threads, instead of each workload's own.
    #[arg(long, value_delimiter = ',')]
    threads: Vec<usize>,
    /// Runs of each row and allocator [default: 5].
    #[arg(long)]
    rounds: Option<usize>,
    /// Work a run, in percent of the standard amount [default: 100; 30 with --quick].
    #[arg(long)]
    scale: Option<usize>,
    /// Keep every run to the first processors, as many as it has threads.
    #[arg(long)]
    pin: bool,
    /// Count instructions under callgrind instead of time, for the rows of one thread.
    #[arg(long)]
    instructions: bool,
    /// Leave out criterion's measurements of single operations.
    #[arg(long)]
    no_micro: bool,
    /// Open the report in a browser.
    #[arg(long)]
    open: bool,
}

impl Bench {
    pub(crate) fn run(self) -> Result<()> {
        match self.action {
            Some(Action::Compare { old, new }) => {
                print!("{}", compare::compare(&Record::read(&old)?, &Record::read(&new)?));
                Ok(())
            }
            Some(Action::Show { record }) => finish(&record, self.options.open),
            None if !self.program.is_empty() => {
                program::run(&self.program, self.options.rounds.unwrap_or(5))
            }
            None => self.options.measure(),
        }
    }
}

impl Options {
    fn measure(&self) -> Result<()> {
        let runners = runners::build(&self.allocators)?;
        let rows = schedule::rows(&runners[0], self)?;
        let header = machine::header(&runners, self.scale())?;
        let path = record::path(&header);
        let mut writer = Writer::create(&path, header)?;
        for row in &rows {
            writer.write(&Line::Workload(row.entry.clone()))?;
        }
        if self.instructions {
            instructions::measure(&runners, &rows, &mut writer)?;
        } else {
            schedule::measure(&runners, &rows, self, &mut writer)?;
            if !self.no_micro && self.filter.is_empty() {
                micro::measure(self.quick, &mut writer)?;
            }
        }
        finish(&path, self.open)
    }

    fn scale(&self) -> usize {
        self.scale.unwrap_or(if self.quick { 30 } else { 100 })
    }
}

/// Prints a record's tables, writes its report, and fails when an allocator lost or mixed up memory.
fn finish(path: &Path, open: bool) -> Result<()> {
    let record = Record::read(path)?;
    print!("{}", table::tables(&record));
    let stem = path.file_stem().context("a record has a name")?;
    let page = process::target_dir().join("bench").join(stem).with_extension("html");
    fs::create_dir_all(page.parent().context("the page lies in a folder")?)?;
    fs::write(&page, report::page(&record))?;
    println!("record: {}\nreport: {}", path.display(), page.display());
    if open {
        process::output(std::process::Command::new("xdg-open").arg(&page))?;
    }
    statistics::check_results(&record)
}
