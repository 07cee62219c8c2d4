//! One fault planted, and what the test that should notice made of it.

use std::{
    fmt,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use super::{
    catalogue::{Killer, Mutant},
    copy::WorkCopy,
};
use crate::{loom::build_models, process};

/// A test that takes longer hangs, which is noticed too.
const PATIENCE: Duration = Duration::from_mins(3);

/// What became of a fault.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The test failed.
    Noticed,
    /// The test didn't come to its end.
    Hung,
    /// The test passed.
    Survived,
}

impl Verdict {
    pub(super) fn is_noticed(self) -> bool {
        self != Self::Survived
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Noticed => "noticed ",
            Self::Hung => "hung    ",
            Self::Survived => "SURVIVED",
        })
    }
}

/// Plants a fault, runs its test, and takes the fault away again.
pub(super) fn run(copy: &WorkCopy, mutant: &Mutant) -> Result<Verdict> {
    let text = copy.read(&mutant.file)?;
    let planted = mutant.plant(&text).with_context(|| format!("{mutant}: it can't be planted"))?;
    let killer = mutant.killer().with_context(|| format!("{mutant}: no test"))?;
    copy.write(&mutant.file, &planted)?;
    let verdict = judge(copy, &killer).with_context(|| mutant.to_string());
    copy.write(&mutant.file, &text)?;
    verdict
}

fn judge(copy: &WorkCopy, killer: &Killer<'_>) -> Result<Verdict> {
    let built = process::output(test(copy, killer).arg("--no-run"))?;
    if !built.status.success() {
        bail!("it doesn't compile:\n{}", String::from_utf8_lossy(&built.stderr));
    }
    let mut command = test(copy, killer);
    command.args(["--", killer.test]);
    // With the programs that it starts, so that all of them can be ended.
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let child = command.spawn()?;
    let Some(output) = output_within(child, PATIENCE)? else { return Ok(Verdict::Hung) };
    if !output.status.success() {
        return Ok(Verdict::Noticed);
    }
    if !String::from_utf8_lossy(&output.stdout).lines().any(|line| line.ends_with("... ok")) {
        bail!("no test of {} is called {}", killer.package, killer.test);
    }
    Ok(Verdict::Survived)
}

/// Cargo on the tests among which the one that notices is.
fn test(copy: &WorkCopy, killer: &Killer<'_>) -> Command {
    let mut command = copy.cargo();
    command.args(["test", "--package", killer.package]);
    match killer.binary {
        "" => command.arg("--lib"),
        binary => command.args(["--test", binary]),
    };
    if !killer.features.is_empty() {
        command.arg("--features").arg(killer.features.join(","));
    }
    if killer.is_model() {
        build_models(&mut command, Path::new("target/loom"));
    }
    command
}

/// What a program printed, or `None` once it was ended for taking too long.
fn output_within(child: Child, patience: Duration) -> Result<Option<std::process::Output>> {
    let group = Pid::from_raw(i32::try_from(child.id())?);
    let (sender, receiver) = std::sync::mpsc::channel();
    // It sends to nobody if the program is ended.
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    if let Ok(output) = receiver.recv_timeout(patience) {
        return Ok(Some(output?));
    }
    killpg(group, Signal::SIGKILL)?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Child {
        let mut command = Command::new("sh");
        command.args(["-c", script]).process_group(0).stdout(Stdio::piped());
        command.spawn().unwrap()
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let output = output_within(sh("sleep 60 | cat"), Duration::from_millis(200)).unwrap();
        assert!(output.is_none());
    }

    #[test]
    fn what_a_program_printed_is_there_at_its_end() {
        let output = output_within(sh("echo all; exit 3"), PATIENCE).unwrap().unwrap();
        assert_eq!((output.stdout.as_slice(), output.status.code()), (&b"all\n"[..], Some(3)));
    }
}
