//! `cargo xtask bench`: allocators side by side. What is measured, and what the figures are worth, is in
//! `benches/README.md`.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use stratalloc_samples::Entry;

use crate::{marks, process};

mod allocators;
pub(crate) mod browser;
mod cell;
mod chart;
mod compare;
mod figures;
mod groups;
mod instructions;
mod kept;
pub(crate) mod launch;
mod levels;
pub(crate) mod load;
mod losses;
pub(crate) mod machine;
mod markdown;
mod memory;
mod micro;
mod options;
mod packages;
mod picture;
mod program;
mod record;
mod report;
mod results;
mod row;
mod rows;
pub(crate) mod runners;
mod schedule;
mod shared;
mod spread;
mod statistics;
mod table;

use options::Options;
use record::{Line, Record, Writer};
use row::Row;
use runners::Runner;

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
        /// Also draw everybody's time against memory into this file, with Chromium.
        #[arg(long)]
        picture: Option<PathBuf>,
    },
    /// Keep a record in `benches/record`, in place of an earlier one of its machine with no more rows.
    Keep {
        /// A file of JSON lines.
        record: PathBuf,
    },
    /// Write every figure of records as a page in Markdown.
    Results {
        /// Files of JSON lines: times, memory or both.
        #[arg(required = true)]
        records: Vec<PathBuf>,
        /// The page [default: `benches/RESULTS.md`].
        #[arg(long)]
        into: Option<PathBuf>,
    },
    Levels(Box<levels::Levels>),
    /// Print a record summed up in Markdown: means, and in how many rows we lose.
    Table {
        /// A file of JSON lines.
        record: PathBuf,
        /// A page to write it into, between the marks `<!-- bench table: begin -->` and `end`.
        #[arg(long)]
        into: Option<PathBuf>,
    },
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
                picture.map_or(Ok(()), |picture| take(&record, &page, &picture))
            }
            Some(Action::Keep { record }) => {
                println!("{}", kept::keep(&Record::read(&record)?)?.display());
                Ok(())
            }
            Some(Action::Results { records, into }) => {
                let records: Vec<_> =
                    records.iter().map(|file| Record::read(file)).collect::<Result<_>>()?;
                let into = into.unwrap_or_else(|| process::root().join("benches/RESULTS.md"));
                Ok(fs::write(into, results::page(&records))?)
            }
            Some(Action::Levels(levels)) => levels.run(),
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
        if self.memory {
            return self.look_at_memory();
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
        let mut writer = self.writer_of(&rows)?;
        schedule::measure(&rows, self, &mut writer)?;
        if micro && !schedule::interrupted() {
            let measured = micro::measure(self.quick, &mut writer);
            // An interrupt ends criterion, and nothing else.
            if !schedule::interrupted() {
                measured?;
            }
        }
        if self.record && !schedule::interrupted() {
            kept::keep(&Record::read(&writer.path)?)?;
        }
        writer.finish(self.open)
    }

    fn count_instructions(&self) -> Result<()> {
        let runners = runners::build(runners::names(&self.allocators)?)?;
        let libraries =
            if self.no_preload { Vec::new() } else { shared::libraries(&self.allocators)? };
        let rows = instructions::rows(self, &launcher()?, &libraries, &runners)?;
        let names = rows.iter().map(instructions::Counted::allocator);
        let mut writer = self.writer(names, rows.iter().map(|row| &row.entry))?;
        instructions::measure(&rows, &mut writer)?;
        writer.finish(self.open)
    }

    fn look_at_memory(&self) -> Result<()> {
        let rows = memory::rows(self)?;
        let mut writer = self.writer_of(&rows)?;
        memory::measure(&rows, self, &mut writer)?;
        if self.record && !schedule::interrupted() {
            kept::keep(&Record::read(&writer.path)?)?;
        }
        writer.finish(self.open)
    }

    /// Everything that is asked for, built and prepared.
    fn rows(&self) -> Result<Vec<Row>> {
        let mut rows = rows::linked(self, &runners::build(runners::names(&self.allocators)?)?)?;
        if !self.no_preload {
            let libraries = shared::libraries(&self.allocators)?;
            rows.extend(program::scripts(&launcher()?, &libraries, self.scale(), |entry| {
                self.wants(entry)
            })?);
        }
        ensure!(!rows.is_empty(), "no workload is called so");
        Ok(rows)
    }

    fn measure_program(&self, program: &[OsString]) -> Result<()> {
        let libraries = shared::libraries(&self.allocators)?;
        let rows = [program::row(&launcher()?, &libraries, program)];
        let mut writer = self.writer_of(&rows)?;
        schedule::measure(&rows, self, &mut writer)?;
        writer.finish(self.open)
    }

    /// Begins the record of `rows`.
    fn writer_of(&self, rows: &[Row]) -> Result<Writer> {
        let launches = rows.iter().flat_map(|row| &row.launches);
        let names = launches.map(|launch| launch.allocator.as_str());
        self.writer(names, rows.iter().map(|row| &row.entry))
    }

    /// Begins a record of these allocators and workloads, each once.
    fn writer<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
        entries: impl Iterator<Item = &'a Entry>,
    ) -> Result<Writer> {
        let mut allocators: Vec<String> = Vec::new();
        for name in names {
            if !allocators.iter().any(|known| known == name) {
                allocators.push(name.to_owned());
            }
        }
        let header = machine::header(allocators, self.scale())?;
        let mut writer = Writer::create(&kept::unfinished(&header), header)?;
        let mut entries: Vec<_> = entries.collect();
        entries.dedup();
        entries.into_iter().try_for_each(|entry| writer.write(&Line::Workload(entry.clone())))?;
        Ok(writer)
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
    print!("{}{}", memory::tables(&record), table::tables(&record));
    let stem = path.file_stem().context("a record has a name")?;
    let page = process::target_dir().join("bench").join(stem).with_extension("html");
    fs::create_dir_all(page.parent().context("the page lies in a folder")?)?;
    fs::write(&page, report::page(&record))?;
    println!("record: {}\nreport: {}", path.display(), page.display());
    if open {
        process::output(std::process::Command::new("xdg-open").arg(&page))?;
    }
    statistics::check_results(&record)?;
    memory::check_results(&record)?;
    Ok(page)
}

/// Draws the picture of a record; `page` is its report, beside which the drawing is kept.
fn take(record: &Path, page: &Path, picture: &Path) -> Result<()> {
    let (svg, size) = picture::draw(&Record::read(record)?)?;
    let drawing = page.with_extension("picture.html");
    let style = "body{margin:0;background:#fff}svg{display:block}";
    fs::write(
        &drawing,
        format!(
            "<!doctype html><meta charset='utf-8'><link rel='icon' href='data:,'><style>{style}</style>{svg}"
        ),
    )?;
    browser::look(&drawing, picture, size).map(drop)
}
