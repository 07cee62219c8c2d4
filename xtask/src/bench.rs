//! `cargo xtask bench`: allocators side by side. What is measured, and what the figures are worth, is in
//! `benches/README.md`.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::{marks, process};

mod browser;
mod chart;
mod compare;
mod figures;
mod groups;
mod instructions;
mod launch;
pub(crate) mod load;
pub(crate) mod machine;
mod markdown;
mod micro;
mod program;
mod record;
mod report;
mod rows;
mod runners;
mod schedule;
mod shared;
mod spread;
mod statistics;
mod table;

use record::{Line, Record, Writer};
use rows::Row;
use runners::Runner;

/// What ours is called among the allocators.
const OWN: &str = "stratalloc";

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
        /// Also take a picture of the report with Chromium, into this file.
        #[arg(long)]
        picture: Option<PathBuf>,
    },
    /// Print a record as Markdown: means, and every row that we lose.
    Table {
        /// A file of JSON lines.
        record: PathBuf,
        /// A page to write it into, between the marks `<!-- bench table: begin -->` and `end`.
        #[arg(long)]
        into: Option<PathBuf>,
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
    /// Allocators to compare, by name; `all` for every one [default: all but single heaps behind a lock].
    #[arg(long, value_delimiter = ',')]
    allocators: Vec<String>,
    /// Numbers of threads, instead of each workload's own.
    #[arg(long, value_delimiter = ',')]
    threads: Vec<usize>,
    /// Runs of each row and allocator [default: 5, or as many as fit into the minutes].
    #[arg(long)]
    rounds: Option<usize>,
    /// Minutes after which no other round is begun [default: 14, or 1.8 with --quick; none with --rounds].
    #[arg(long)]
    minutes: Option<f64>,
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
    /// Leave out programs under shared libraries.
    #[arg(long)]
    no_preload: bool,
    /// Keep the record in `benches/record`, in place of an earlier one of this machine with the same rows.
    #[arg(long)]
    record: bool,
    /// Open the report in a browser.
    #[arg(long)]
    open: bool,
}

#[cfg(test)]
impl Options {
    /// The options of a command line.
    fn parse(line: &str) -> Self {
        use clap::{Args, Command, FromArgMatches};
        let words = std::iter::once("bench").chain(line.split_whitespace());
        let matches = Self::augment_args(Command::new("bench")).get_matches_from(words);
        Self::from_arg_matches(&matches).expect("the command takes what it parses")
    }
}

impl Bench {
    pub(crate) fn run(self) -> Result<()> {
        match self.action {
            Some(Action::Compare { old, new }) => {
                print!("{}", compare::compare(&Record::read(&old)?, &Record::read(&new)?));
                Ok(())
            }
            Some(Action::Show { record, picture }) => {
                let page = finish(&record, self.options.open)?;
                picture.map_or(Ok(()), |picture| browser::look(&page, &picture).map(drop))
            }
            Some(Action::Table { record, into }) => {
                let summary = markdown::summary(&Record::read(&record)?);
                let Some(page) = into else {
                    print!("{summary}");
                    return Ok(());
                };
                let old = fs::read_to_string(&page)?;
                Ok(fs::write(&page, marks::insert(&old, "bench table", &summary)?)?)
            }
            None if !self.program.is_empty() => self.options.measure_program(&self.program),
            None => self.options.measure(),
        }
    }
}

impl Options {
    fn measure(&self) -> Result<()> {
        if self.instructions {
            return self.count_instructions();
        }
        let micro = !self.no_micro && self.filter.is_empty() && self.allocators.is_empty();
        if micro {
            // First: it also builds all runners, but with other features than they are to have.
            micro::build()?;
        }
        let rows = self.rows()?;
        if micro {
            let minutes = if self.quick { "less than a minute" } else { "about two minutes" };
            eprintln!("single operations come last, and take {minutes} more");
        }
        let mut writer = self.writer(&rows)?;
        schedule::measure(&rows, self, &mut writer)?;
        if micro && !schedule::interrupted() {
            let measured = micro::measure(self.quick, &mut writer);
            // An interrupt ends criterion, and nothing else.
            if !schedule::interrupted() {
                measured?;
            }
        }
        if self.record && !schedule::interrupted() {
            record::replace(&writer.path)?;
        }
        writer.finish(self.open)
    }

    fn count_instructions(&self) -> Result<()> {
        let runners = runners::build(runners::names(&self.allocators)?)?;
        let rows = self.linked(&runners)?;
        ensure!(!rows.is_empty(), "no workload of one thread is called so");
        let mut writer = self.writer(&rows)?;
        instructions::measure(&runners, &rows, &mut writer)?;
        writer.finish(self.open)
    }

    /// Everything that is asked for, built and prepared.
    fn rows(&self) -> Result<Vec<Row>> {
        let mut rows = self.linked(&runners::build(runners::names(&self.allocators)?)?)?;
        if !self.no_preload {
            let libraries = shared::libraries(&self.allocators)?;
            rows.extend(program::scripts(&launcher()?, &libraries, self)?);
        }
        ensure!(!rows.is_empty(), "no workload is called so");
        Ok(rows)
    }

    fn measure_program(&self, program: &[OsString]) -> Result<()> {
        let libraries = shared::libraries(&self.allocators)?;
        let rows = [program::row(&launcher()?, &libraries, program)];
        let mut writer = self.writer(&rows)?;
        schedule::measure(&rows, self, &mut writer)?;
        writer.finish(self.open)
    }

    /// Begins the record of `rows`.
    fn writer(&self, rows: &[Row]) -> Result<Writer> {
        let mut allocators: Vec<String> = Vec::new();
        for launch in rows.iter().flat_map(|row| &row.launches) {
            if !allocators.contains(&launch.allocator) {
                allocators.push(launch.allocator.clone());
            }
        }
        let header = machine::header(allocators, self.scale())?;
        let mut writer = Writer::create(&record::path(&header, self.record), header)?;
        let mut entries: Vec<_> = rows.iter().map(|row| &row.entry).collect();
        entries.dedup();
        entries.into_iter().try_for_each(|entry| writer.write(&Line::Workload(entry.clone())))?;
        Ok(writer)
    }

    fn scale(&self) -> usize {
        self.scale.unwrap_or(if self.quick { 30 } else { 100 })
    }
}

/// The runner that starts other programs.
fn launcher() -> Result<Runner> {
    Ok(runners::build(vec!["system".to_owned()])?.remove(0))
}

impl Writer {
    fn finish(self, open: bool) -> Result<()> {
        finish(&self.path, open).map(drop)
    }
}

/// Prints a record's tables and writes its report, whose path it gives; fails when an allocator lost or mixed up
/// memory.
fn finish(path: &Path, open: bool) -> Result<PathBuf> {
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
    statistics::check_results(&record)?;
    Ok(page)
}
