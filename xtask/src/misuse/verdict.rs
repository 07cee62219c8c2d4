//! What an allocator noticed of one case.

use std::{
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, ExitStatus, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use serde::Deserialize;

use super::{allocator::Allocator, kind::Kind};

/// The longest that a case may run: a hang is none of the verdicts.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a case exits with where what it needs isn't there.
const NOT_THERE: i32 = 77;

/// When a misuse was noticed; the later, the less.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// Not at all, or after harm was done.
    Missed,
    /// As the process ended.
    AtTheEnd,
    /// In a later call, before harm was done.
    Later,
    /// At the wrong call; of what was written wrongly, at the free of that block at the latest.
    AtTheCall,
    /// The function is missing, or gave nothing that could be misused.
    NotThere,
}

impl Verdict {
    /// As the floor has it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::AtTheEnd => "at-the-end",
            Self::Later => "later",
            Self::AtTheCall => "at-the-call",
            Self::NotThere => "not-there",
        }
    }
}

/// Runs a case as often as the allocator wants; what was noticed least counts.
pub(super) fn of(
    kind: &Kind,
    program: &Path,
    case: &str,
    allocator: &Allocator,
) -> Result<Verdict> {
    let verdicts: Result<Vec<_>> =
        (0..allocator.runs).map(|_| of_a_run(kind, program, case, allocator)).collect();
    verdicts?.into_iter().min().context("never ran")
}

fn of_a_run(kind: &Kind, program: &Path, case: &str, allocator: &Allocator) -> Result<Verdict> {
    let mut command = Command::new(program);
    command.arg(case).env_remove("STRATALLOC_LIMIT");
    allocator.serve(&mut command);
    let shown = || format!("{} {case} on {}", kind.name, allocator.name);
    let output = run(&mut command).with_context(shown)?;
    let verdict = judge(output.status, &output.stdout).with_context(shown)?;
    let caught = output.status.signal().is_some() && verdict > Verdict::Missed;
    if allocator.is_ours && caught && !is_told(!kind.is_call || allocator.may_fault, &output) {
        bail!("{}: {} without a report that tells why", shown(), output.status);
    }
    Ok(verdict)
}

/// What the end of a case and the marks that it wrote say.
fn judge(status: ExitStatus, marks: &[u8]) -> Result<Verdict> {
    let marks = String::from_utf8_lossy(marks);
    let has = |wanted| marks.lines().any(|mark| mark == wanted);
    Ok(match (status.code(), status.signal()) {
        (Some(NOT_THERE), _) => Verdict::NotThere,
        (Some(0), _) if has("gone") => Verdict::AtTheCall,
        (Some(0), _) => Verdict::Missed,
        (None, Some(_)) if has("harm") => Verdict::Missed,
        (None, Some(_)) if has("end") => Verdict::AtTheEnd,
        (None, Some(_)) if has("done") => Verdict::Later,
        (None, Some(_)) => Verdict::AtTheCall,
        _ => bail!("{status}"),
    })
}

/// Returns whether an allocator of ours ended a process as it should: with a line, and lines below it of what it knows more, or
/// by a fault where there may be one.
fn is_told(may_fault: bool, output: &Output) -> bool {
    let said = String::from_utf8_lossy(&output.stderr);
    let mut lines = said.lines();
    let is_headed = lines.next().is_some_and(|line| line.starts_with("stratalloc: bad pointer "));
    match output.status.signal().and_then(|number| Signal::try_from(number).ok()) {
        Some(Signal::SIGABRT) => is_headed && lines.all(|line| line.starts_with("stratalloc:   ")),
        Some(Signal::SIGSEGV) => may_fault,
        _ => false,
    }
}

/// Runs a program that writes little to its end.
fn run(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let start = Instant::now();
    while child.try_wait()?.is_none() {
        if start.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            bail!("hangs");
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(child.wait_with_output()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_the_end_of_a_case_say_when_it_was_noticed() {
        let [exited, killed] = [0, 6].map(ExitStatus::from_raw);
        let verdict = |status, marks: &str| judge(status, marks.as_bytes()).unwrap();
        assert_eq!(verdict(killed, ""), Verdict::AtTheCall);
        assert_eq!(verdict(killed, "done\n"), Verdict::Later);
        assert_eq!(verdict(killed, "done\nend\n"), Verdict::AtTheEnd);
        assert_eq!(verdict(killed, "done\nharm\nend\n"), Verdict::Missed);
        assert_eq!(verdict(exited, "done\nend\n"), Verdict::Missed);
        assert_eq!(verdict(exited, "gone\nend\n"), Verdict::AtTheCall);
        assert_eq!(verdict(ExitStatus::from_raw(77 << 8), ""), Verdict::NotThere);
        assert!(judge(ExitStatus::from_raw(1 << 8), b"").is_err());
    }

    #[test]
    fn what_hangs_and_what_is_silent_are_no_verdicts() {
        let output = |said: &str| Output {
            status: ExitStatus::from_raw(6),
            stdout: Vec::new(),
            stderr: said.as_bytes().to_vec(),
        };
        assert!(is_told(false, &output("stratalloc: bad pointer 0x10: why\n")));
        let calls =
            "stratalloc: bad pointer 0x10: why\nstratalloc:   allocated in thread 1, called from\n";
        assert!(is_told(false, &output(calls)));
        assert!(!is_told(false, &output("")));
        let two = "stratalloc: bad pointer 0x10: why\nstratalloc: bad pointer 0x20: why\n";
        assert!(!is_told(false, &output(two)));
    }
}
