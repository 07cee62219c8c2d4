//! Records: one file of JSON lines for each comparison, appended to while it runs.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use stratalloc_samples::{Entry, MemoryRun, Run};

use super::cell::Cell;

/// One line of a record.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "line", rename_all = "lowercase")]
pub(crate) enum Line {
    /// The first: where and with what.
    Header(Header),
    /// A workload that is to be run.
    Workload(Entry),
    /// What one run cost.
    Run(Run),
    /// What all runs of a row cost: what is kept instead of them.
    Row(Summary),
    /// What a program held while it ran.
    Memory(Memory),
    /// A run that did not end well.
    Failure(Failure),
    /// Instructions an operation.
    Instructions(Instructions),
    /// Time of a single operation, by criterion.
    Micro(Micro),
    /// What else the machine did meanwhile.
    Noise(Noise),
}

/// Where and with what a record was measured.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Header {
    /// When it began, in UTC, as `2026-11-21T05-30-00`.
    pub(crate) date: String,
    /// A short name of the machine, for folders.
    pub(crate) machine: String,
    /// Processor, cores, memory, kernel and its setting of huge pages.
    pub(crate) system: String,
    /// Compiler and profile that built every runner.
    pub(crate) compiler: String,
    /// The commit of this workspace; `+` when files were changed since.
    pub(crate) commit: String,
    /// The allocators compared, linked or preloaded.
    pub(crate) allocators: Vec<String>,
    /// The crates they are linked with, with versions.
    pub(crate) crates: Vec<String>,
    /// Work a run, in percent of the standard amount.
    pub(crate) scale: usize,
}

/// What all runs of a row cost.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) workload: String,
    pub(crate) threads: usize,
    /// Units of work, and what they came to: the same in every run.
    pub(crate) ops: u64,
    pub(crate) checksum: u64,
    /// By allocator; who failed every time is not in it.
    pub(crate) cells: BTreeMap<String, Cell>,
}

/// What a program held while it ran.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Memory {
    #[serde(flatten)]
    pub(crate) run: MemoryRun,
    /// Resident memory against time, as seen from outside: milliseconds and KiB.
    pub(crate) curve: Vec<(u32, u32)>,
}

/// A run that did not end well.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Failure {
    pub(crate) workload: String,
    pub(crate) threads: usize,
    pub(crate) allocator: String,
    /// Its exit status, signal or time.
    pub(crate) reason: String,
}

/// Instructions an operation, as callgrind counts them.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Instructions {
    pub(crate) workload: String,
    pub(crate) allocator: String,
    /// The loop's own instructions are in it.
    pub(crate) per_op: f64,
}

/// Time of a single operation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Micro {
    /// The layer and the operation.
    pub(crate) operation: String,
    pub(crate) allocator: String,
    /// Criterion's estimate of the median, in nanoseconds, and its confidence interval.
    pub(crate) median_ns: f64,
    pub(crate) low_ns: f64,
    pub(crate) high_ns: f64,
}

/// What others used of the machine while it was measured, as shares of all processors.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Noise {
    /// Other programs of this machine.
    pub(crate) others: f64,
    /// Other machines of its host.
    pub(crate) stolen: f64,
}

/// A record as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) header: Header,
    pub(crate) lines: Vec<Line>,
}

/// A record that is being measured.
pub(crate) struct Writer {
    file: File,
    /// Where it is kept.
    pub(crate) path: PathBuf,
}

impl Record {
    /// Reads a file of JSON lines.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    /// Reads JSON lines, the first of which is the header.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines().map(serde_json::from_str);
        let Some(Line::Header(header)) = lines.next().transpose()? else {
            anyhow::bail!("the first line is no header");
        };
        Ok(Self { header, lines: lines.collect::<Result<_, _>>()? })
    }

    /// The rows whose runs were summed up.
    pub(crate) fn summaries(&self) -> impl Iterator<Item = &Summary> {
        self.all(|line| if let Line::Row(summary) = line { Some(summary) } else { None })
    }

    /// Every run that ended well, in the order of running.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.all(|line| if let Line::Run(run) = line { Some(run) } else { None })
    }

    /// Every run whose memory was looked at, in the order of running.
    pub(crate) fn memory(&self) -> impl Iterator<Item = &Memory> {
        self.all(|line| if let Line::Memory(memory) = line { Some(memory) } else { None })
    }

    /// Every run that did not.
    pub(crate) fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.all(|line| if let Line::Failure(failure) = line { Some(failure) } else { None })
    }

    /// The workloads that were to be run.
    pub(crate) fn workloads(&self) -> impl Iterator<Item = &Entry> {
        self.all(|line| if let Line::Workload(entry) = line { Some(entry) } else { None })
    }

    /// The counts of instructions.
    pub(crate) fn instructions(&self) -> impl Iterator<Item = &Instructions> {
        self.all(|line| if let Line::Instructions(count) = line { Some(count) } else { None })
    }

    /// The times of single operations.
    pub(crate) fn micros(&self) -> impl Iterator<Item = &Micro> {
        self.all(|line| if let Line::Micro(micro) = line { Some(micro) } else { None })
    }

    /// What else the machine did; nothing when the measurement did not end.
    pub(crate) fn noise(&self) -> Option<&Noise> {
        self.all(|line| if let Line::Noise(noise) = line { Some(noise) } else { None }).last()
    }

    fn all<'a, T>(&'a self, of: impl Fn(&'a Line) -> Option<T>) -> impl Iterator<Item = T> {
        self.lines.iter().filter_map(of)
    }
}

impl Failure {
    /// How it ended, in a word.
    pub(crate) fn word(&self) -> &'static str {
        if self.reason.contains("signal") {
            "crashed"
        } else if self.reason.contains("longer") {
            "too slow"
        } else {
            "failed"
        }
    }
}

impl Writer {
    /// Begins a record.
    pub(crate) fn create(path: &Path, header: Header) -> Result<Self> {
        fs::create_dir_all(path.parent().context("a record lies in a folder")?)?;
        let file = File::create(path).with_context(|| path.display().to_string())?;
        let mut writer = Self { file, path: path.to_owned() };
        writer.write(&Line::Header(header))?;
        Ok(writer)
    }

    /// Adds a line; it is in the file when this returns, so that a comparison cut short keeps it.
    pub(crate) fn write(&mut self, line: &Line) -> Result<()> {
        Ok(writeln!(self.file, "{}", serde_json::to_string(line)?)?)
    }
}
