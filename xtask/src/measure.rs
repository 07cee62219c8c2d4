//! What a program costs: its time, that of the processors, and the most memory that one process of it held.

use std::{
    ffi::OsString,
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::{
        resource::{UsageWho, getrusage},
        time::TimeValLike,
    },
    unistd::getuid,
};

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
    /// What the processors worked for the tree's processes that were waited for, system included.
    pub(crate) work: Duration,
    /// The most memory resident in one process of its tree, in KiB.
    pub(crate) peak: u64,
}

impl Measure {
    pub(crate) fn run(self) -> Result<()> {
        let start = Instant::now();
        let mut command = Command::new(&self.program[0]);
        // With a user named, the standard library forks; else the program would start in this process's memory, and its
        // peak would be no lower than this one's, which is 10 MB.
        command.args(&self.program[1..]).uid(getuid().as_raw());
        let status = command.status();
        let status = status.with_context(|| self.program[0].to_string_lossy().into_owned())?;
        let cost = Cost::of_children(start.elapsed())?;
        fs::write(&self.file, cost.to_line())?;
        if !status.success() {
            bail!("{}: {status}", self.program[0].to_string_lossy());
        }
        Ok(())
    }
}

impl Cost {
    /// A command that runs `program` and leaves its cost in `file`, for [`Cost::read`].
    pub(crate) fn measuring(file: &Path, program: &[OsString]) -> Command {
        // By this name also where a build has put another file in its place since.
        let mut command = Command::new("/proc/self/exe");
        command.arg("measure").arg(file).args(program);
        command
    }

    /// The cost that a command of [`Cost::measuring`] left.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let line = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        Self::from_line(&line).with_context(|| format!("no cost: {line:?}"))
    }

    /// The least of each figure of several runs; none of no run.
    pub(crate) fn least(costs: impl IntoIterator<Item = Self>) -> Option<Self> {
        costs.into_iter().reduce(|a, b| Self {
            time: a.time.min(b.time),
            work: a.work.min(b.work),
            peak: a.peak.min(b.peak),
        })
    }

    /// What all children cost that were waited for, and theirs; they took `time`.
    fn of_children(time: Duration) -> Result<Self> {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        let work = (usage.user_time() + usage.system_time()).num_microseconds().try_into()?;
        let work = Duration::from_micros(work);
        Ok(Self { time, work, peak: usage.max_rss().try_into()? })
    }

    fn to_line(self) -> String {
        format!("{} {} {}\n", self.time.as_micros(), self.work.as_micros(), self.peak)
    }

    fn from_line(line: &str) -> Option<Self> {
        let figures = line.split_whitespace().map(|figure| figure.parse().ok());
        let [time, work, peak] = *figures.collect::<Option<Vec<u64>>>()?.first_chunk()?;
        let [time, work] = [time, work].map(Duration::from_micros);
        Some(Self { time, work, peak })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_read_as_it_was_written() {
        let cost = cost(1234, 99, 5678);
        assert_eq!(Cost::from_line(&cost.to_line()), Some(cost));
        assert_eq!(Cost::from_line("1234 5678"), None);
        assert_eq!(Cost::from_line("1234 x 5678"), None);
    }

    #[test]
    fn the_least_of_each_figure_counts() {
        let runs = [cost(3, 4, 1), cost(2, 6, 9), cost(5, 5, 2)];
        assert_eq!(Cost::least(runs), Some(cost(2, 4, 1)));
        assert_eq!(Cost::least([]), None);
    }

    /// In a process of its own, whose children are those of no other test.
    #[test]
    fn a_small_program_has_a_small_peak() {
        let alone = ["--exact", "--ignored", "measure::tests::measures_a_small_program"];
        let status = Command::new("/proc/self/exe").args(alone).status().expect("it starts");
        assert!(status.success());
    }

    /// The peak is the program's own, not that of this process, which is larger.
    #[test]
    #[ignore = "run by the test before it"]
    fn measures_a_small_program() {
        let file = std::env::temp_dir().join(format!("measure-{}", std::process::id()));
        let program = vec![OsString::from("/bin/true")];
        Measure { file: file.clone(), program }.run().expect("it runs");
        let cost = Cost::read(&file).expect("the cost was written");
        fs::remove_file(file).expect("the file can go");
        assert!((200..5_000).contains(&cost.peak), "{cost:?}");
    }

    fn cost(time: u64, work: u64, peak: u64) -> Cost {
        let [time, work] = [time, work].map(Duration::from_millis);
        Cost { time, work, peak }
    }
}
