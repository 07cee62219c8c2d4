//! `cargo xtask soak`: a program of random calls under the library for as long as asked, and whether it grows.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{library, process};

/// Threads that come, go and hand blocks to each other under the library; resident memory is sampled, and must not
/// grow.
#[derive(clap::Args)]
pub(crate) struct Soak {
    /// How long.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
}

/// How many samples there are.
const SAMPLES: u32 = 240;
/// Threads at a time, and calls of each in a round.
const THREADS: &str = "6";
const CALLS: &str = "20000";

impl Soak {
    pub(crate) fn run(self) -> Result<()> {
        let library = library::build()?;
        let time = Duration::from_mins(self.minutes.max(1));
        let mut program = Command::new(program()?);
        program.args(["1", CALLS, THREADS, &time.as_secs().to_string()]);
        program.env("LD_PRELOAD", library).stderr(Stdio::piped());
        let growth = process::step_checked("soak", || watch(program.spawn()?, time / SAMPLES))?;
        println!("{growth}");
        ensure!(growth.is_bounded(), "resident memory grows");
        Ok(())
    }
}

/// The program, built from the C library's tests.
fn program() -> Result<PathBuf> {
    let program = process::target_dir().join("soak");
    let mut cc = Command::new(process::need("cc", "gcc")?);
    cc.args(["-std=gnu11", "-O1", "-fno-builtin", "-pthread", "-o"]).arg(&program);
    cc.arg(process::root().join("crates/malloc/tests/c/random_calls.c"));
    process::step("build the program", &mut cc)?;
    Ok(program)
}

/// Samples a program's memory until it ends, which it must well.
fn watch(mut child: Child, pause: Duration) -> Result<Growth> {
    let mut samples = Vec::new();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        samples.extend(resident(&PathBuf::from(format!("/proc/{}/statm", child.id()))));
        std::thread::sleep(pause.min(Duration::from_secs(1) + start.elapsed()));
    };
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(status.success() && said == "stratalloc\n", "{status}: {said}");
    Growth::of(&samples).context("it ended before it was looked at")
}

/// Resident bytes, while the process is there.
fn resident(statm: &Path) -> Option<usize> {
    let pages: usize = fs::read_to_string(statm).ok()?.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// Resident bytes in the second quarter of the time, when the program has long had all that it ever needs at once,
/// and in the last: the medians.
struct Growth {
    early: usize,
    late: usize,
}

impl Growth {
    fn of(samples: &[usize]) -> Option<Self> {
        let quarter = samples.len() / 4;
        let early = samples.get(quarter..2 * quarter)?;
        let late = samples.get(3 * quarter..)?;
        Some(Self { early: median(early)?, late: median(late)? })
    }

    /// A tenth more, and 4 MiB, is what rounds differ by.
    fn is_bounded(&self) -> bool {
        self.late <= self.early + self.early / 10 + (4 << 20)
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [early, late] = [self.early, self.late].map(|bytes| bytes >> 10);
        write!(f, "resident: {early} KiB in the second quarter, {late} KiB in the last")
    }
}

fn median(samples: &[usize]) -> Option<usize> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_slowly_and_for_ever_is_told_from_what_varies() {
        let flat: Vec<usize> = (0..240).map(|at| (50 << 20) + ((at % 7) << 20)).collect();
        assert!(Growth::of(&flat).unwrap().is_bounded());
        let leak: Vec<usize> = (0..240).map(|at| (50 << 20) + (at << 17)).collect();
        assert!(!Growth::of(&leak).unwrap().is_bounded());
        assert!(Growth::of(&[]).is_none());
    }
}
