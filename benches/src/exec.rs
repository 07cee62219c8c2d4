//! Any other program, run and measured from this small process: a child's peak memory includes that of whoever
//! started it.

use std::ffi::OsString;
use std::io::{Read, Result};
use std::path::PathBuf;
use std::process::{ChildStdout, Command, ExitStatus, Stdio};

use clap::Args;
use stratalloc_samples::{Cost, Run};

use crate::measure::measure_children;
use crate::plan::hash;

/// A program, and what to call its run.
#[derive(Args, Debug)]
pub struct Exec {
    /// The workload that it stands for.
    #[arg(long)]
    name: String,
    /// The allocator that serves it.
    #[arg(long)]
    allocator: String,
    /// Threads that it works on.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// A shared library to preload into it.
    #[arg(long)]
    preload: Option<PathBuf>,
    /// What it prints is the result, and must be the same on every allocator; else it is thrown away.
    #[arg(long)]
    checked: bool,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    program: Vec<OsString>,
}

impl Exec {
    /// Runs the program to its end.
    ///
    /// # Errors
    /// When it does not start, or the kernel does not tell what it used.
    pub fn run(self) -> Result<(ExitStatus, Run)> {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).stderr(Stdio::null());
        command.stdout(if self.checked { Stdio::piped() } else { Stdio::null() });
        if let Some(library) = &self.preload {
            command.env("LD_PRELOAD", library);
        }
        let ((status, checksum), cost) = measure_children(|| {
            let mut child = command.spawn()?;
            let checksum = child.stdout.take().map_or(Ok(1), printed)?;
            Ok((child.wait()?, checksum))
        })?;
        Ok((status, self.line(checksum, cost)))
    }

    fn line(self, checksum: u64, cost: Cost) -> Run {
        let Self { name: workload, allocator, threads, .. } = self;
        Run { workload, allocator, threads, scale: 100, ops: 1, checksum, cost }
    }
}

/// The hash of everything that comes out of a pipe.
fn printed(mut pipe: ChildStdout) -> Result<u64> {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes)?;
    Ok(hash(&bytes))
}

#[cfg(test)]
mod tests {
    use super::Exec;

    fn exec(script: &str, checked: bool) -> (bool, u64) {
        let program = ["sh", "-c", script].map(Into::into).to_vec();
        let (name, allocator) = ("shell".to_owned(), "system".to_owned());
        let exec = Exec { name, allocator, threads: 1, preload: None, checked, program };
        let (status, run) = exec.run().expect("a shell can be started");
        (status.success(), run.checksum)
    }

    #[test]
    fn a_checked_program_is_known_by_what_it_prints() {
        assert_eq!(exec("echo a", true), exec("printf 'a\\n'", true));
        assert_ne!(exec("echo a", true), exec("echo b", true));
        assert_eq!(exec("echo a", false), exec("echo b", false));
        assert!(!exec("exit 3", true).0);
    }
}
