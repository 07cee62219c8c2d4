//! One process: an allocator at work on a row.

use std::{
    ffi::OsString,
    io::Read,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use super::runners::Runner;

/// How long one process may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// How to start an allocator on a row. What is started prints one line of JSON.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// The allocator's name.
    pub(crate) allocator: String,
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(&'static str, OsString)>,
    folder: Option<PathBuf>,
}

impl Launch {
    /// A runner on a workload that is linked into it.
    pub(crate) fn workload(runner: &Runner, name: &str, threads: usize, scale: usize) -> Self {
        let (threads, scale) = (threads.to_string(), scale.to_string());
        let args = ["run", name, "--threads", &threads, "--scale", &scale];
        Self {
            allocator: runner.name.clone(),
            program: runner.binary.clone(),
            args: args.map(OsString::from).to_vec(),
            env: Vec::new(),
            folder: None,
        }
    }

    /// A runner on a workload whose memory is looked at; no rest of it is longer than `rest` seconds.
    pub(crate) fn memory(runner: &Runner, name: &str, scale: usize, rest: u64) -> Self {
        let (scale, rest) = (scale.to_string(), rest.to_string());
        let args = ["memory", name, "--scale", &scale, "--rest", &rest];
        Self {
            allocator: runner.name.clone(),
            program: runner.binary.clone(),
            args: args.map(OsString::from).to_vec(),
            env: Vec::new(),
            folder: None,
        }
    }

    /// Any other program, measured by `launcher`; `options` are its own.
    pub(crate) fn program(
        launcher: &Runner,
        (allocator, name, threads): (&str, &str, usize),
        options: &[&str],
        program: &[OsString],
    ) -> Self {
        let threads = threads.to_string();
        let named =
            ["exec", "--name", name, "--allocator", allocator, "--threads", threads.as_str()];
        let words = named.iter().chain(options).chain(&["--"]);
        Self {
            allocator: allocator.to_owned(),
            program: launcher.binary.clone(),
            args: words.map(OsString::from).chain(program.iter().cloned()).collect(),
            env: Vec::new(),
            folder: None,
        }
    }

    /// A script in place of a program that measures itself.
    #[cfg(test)]
    pub(crate) fn shell(allocator: &str, script: &str) -> Self {
        let args = ["-c", script].map(OsString::from).to_vec();
        let (env, folder) = (Vec::new(), None);
        Self { allocator: allocator.to_owned(), program: "sh".into(), args, env, folder }
    }

    /// The same with a variable of the environment.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// The same in a folder.
    pub(crate) fn within(self, folder: PathBuf) -> Self {
        Self { folder: Some(folder), ..self }
    }

    /// The command line; kept to the first processors, as many as given.
    pub(crate) fn command(&self, processors: Option<usize>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args[..1]);
        if let Some(count) = processors {
            let list: Vec<String> = (0..count).map(|number| number.to_string()).collect();
            command.args(["--cpus", &list.join(",")]);
        }
        command.args(&self.args[1..]).envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }

    /// Runs it to its end: what it prints, or why it did not end well. `watch` is called again and again meanwhile.
    pub(crate) fn run(
        &self,
        processors: Option<usize>,
        watch: Option<&mut Watch>,
    ) -> Result<Result<String, String>> {
        within(&mut self.command(processors), PATIENCE, watch)
    }
}

/// Looks at a process by its number while it runs.
pub(crate) type Watch<'a> = dyn FnMut(u32) + 'a;

/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// What a command prints, or why it did not end well within `patience`.
fn within(
    command: &mut Command,
    patience: Duration,
    watch: Option<&mut Watch>,
) -> Result<Result<String, String>> {
    // A group of its own: an interrupt from the terminal lets it end, and a kill reaches its children.
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let mut stdout = child.stdout.take().context("it was asked for")?;
    // The one line of output fits a pipe, so the child never waits for us, and its end shows as end of file.
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.read_to_string(&mut text);
        // Nobody waits any more when the run was given up.
        let _ = sender.send(read.map(|_| text));
    });
    let Some(output) = receive(&receiver, patience, child.id(), watch) else {
        killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL)?;
        child.wait()?;
        return Ok(Err(format!("took longer than {} s", patience.as_secs())));
    };
    let status = child.wait()?;
    Ok(if status.success() { Ok(output?) } else { Err(status.to_string()) })
}

/// What is received within `patience`; meanwhile `watch` looks at the process.
fn receive<T>(
    receiver: &mpsc::Receiver<T>,
    patience: Duration,
    process: u32,
    watch: Option<&mut Watch>,
) -> Option<T> {
    let Some(watch) = watch else { return receiver.recv_timeout(patience).ok() };
    let start = Instant::now();
    while start.elapsed() < patience {
        match receiver.recv_timeout(LOOK) {
            Ok(received) => return Some(received),
            Err(_) => watch(process),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::{process::Command, time::Duration};

    use super::within;

    #[test]
    fn a_run_that_hangs_or_dies_is_told_from_one_that_prints() {
        let shell = |script: &str, patience: Duration| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            within(&mut command, patience, None).unwrap()
        };
        // What ends by itself has all the time that a busy machine may take.
        let (long, short) = (Duration::from_mins(10), Duration::from_millis(300));
        assert_eq!(shell("echo hello", long), Ok("hello\n".to_owned()));
        assert!(shell("kill -SEGV $$", long).unwrap_err().contains("signal: 11"));
        assert!(shell("sleep 10000 | sleep 10000", short).unwrap_err().contains("longer"));
    }
}
