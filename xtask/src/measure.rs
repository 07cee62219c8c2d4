//! What a program costs: its time, and the most memory that one process of it held.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};

/// Runs a program and writes its cost to a file.
///
/// A command of its own, since a process inherits the peak of the one that starts it: this one,
/// started for the purpose, is small.
#[derive(clap::Args)]
#[command(hide = true)]
pub(crate) struct Measure {
    /// The file to write to.
    file: PathBuf,
    /// The program and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<OsString>,
}

/// What a program cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// From its start to its end.
    pub(crate) time: Duration,
    /// The most memory resident in one process of its tree, in KiB.
    pub(crate) peak: u64,
}

impl Measure {
    pub(crate) fn run(self) -> Result<()> {
        let start = Instant::now();
        let status = Command::new(&self.program[0]).args(&self.program[1..]).status();
        let status = status.with_context(|| self.program[0].to_string_lossy().into_owned())?;
        let cost = Cost { time: start.elapsed(), peak: peak_of_children()? };
        fs::write(&self.file, cost.to_line())?;
        if !status.success() {
            bail!("{}: {status}", self.program[0].to_string_lossy());
        }
        Ok(())
    }
}

impl Cost {
    /// A command that runs `program` and leaves its cost in `file`, for [`Cost::read`].
    pub(crate) fn measuring(file: &Path, program: &[OsString]) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("measure").arg(file).args(program);
        Ok(command)
    }

    /// The cost that a command of [`Cost::measuring`] left.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let line = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        Self::from_line(&line).with_context(|| format!("no cost: {line:?}"))
    }

    fn to_line(self) -> String {
        format!("{} {}\n", self.time.as_micros(), self.peak)
    }

    fn from_line(line: &str) -> Option<Self> {
        let (time, peak) = line.trim().split_once(' ')?;
        let time = Duration::from_micros(time.parse().ok()?);
        Some(Self { time, peak: peak.parse().ok()? })
    }
}

/// The largest peak among the children waited for, and theirs, in KiB.
fn peak_of_children() -> Result<u64> {
    Ok(getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss().try_into()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_read_as_it_was_written() {
        let cost = Cost { time: Duration::from_millis(1234), peak: 5678 };
        assert_eq!(Cost::from_line(&cost.to_line()), Some(cost));
        assert_eq!(Cost::from_line("1234"), None);
    }
}
