//! A machine that runs steps: qemu without a window, its console read line by line.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{ChildStdout, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::steps::{Step, Suite};
use crate::process;

pub(super) struct Machine {
    pub(super) name: &'static str,
    /// Of the kernel, as `6.1`.
    pub(super) series: &'static str,
    /// As qemu's `-cpu` has it.
    pub(super) processor: &'static str,
    /// Its memory.
    pub(super) mebibytes: u32,
    pub(super) huge_pages: HugePages,
    /// Which steps it runs.
    pub(super) suite: Suite,
}

/// To whom a kernel gives huge pages: distributions have either.
pub(super) enum HugePages {
    /// To everybody.
    Always,
    /// Where they are asked for.
    Asked,
}

/// How long a machine may take to start, and to say that a step is over whose time is, in seconds.
const PATIENCE: u32 = 120;
/// How often an emulator is started anew that stands still: its fault, since `init` ends each step in time.
const STARTS: usize = 3;

impl Machine {
    /// Boots a kernel, runs the steps, and says which failed. What it prints is in a log besides the archive.
    pub(super) fn boot(&self, kernel: &Path, root: &Path, steps: &[&Step]) -> Result<Vec<String>> {
        let begin = Instant::now();
        let mut console = Console::default();
        for start in 1..=STARTS {
            console = self.watched(kernel, root, steps)?;
            if !console.stands_still {
                break;
            }
            eprintln!("     {}: the emulator stood still, start {start} of {STARTS}", self.name);
        }
        let release = console.release.as_deref().unwrap_or("did not start");
        let passed = console.ended - console.failed.len();
        let seconds = begin.elapsed().as_secs_f64();
        let verdict = if passed == steps.len() { "ok  " } else { "FAIL" };
        let all = steps.len();
        eprintln!("{verdict} {} ({release}): {passed} of {all} ({seconds:.1} s)", self.name);
        ensure!(console.release.is_some(), "{}: {}", self.name, console.output.join("\n"));
        let missing = steps.get(console.ended..).unwrap_or_default().iter();
        console.failed.extend(missing.map(|step| format!("{}: never ended", step.name)));
        Ok(console.failed)
    }

    /// Runs the machine to its end, or until it stands still.
    fn watched(&self, kernel: &Path, root: &Path, steps: &[&Step]) -> Result<Console> {
        let spinner = process::spinner(self.name);
        let mut child = self.command(kernel, root).spawn().context("cannot start qemu")?;
        let mut console = Console::default();
        let mut log = File::create(root.with_file_name(format!("{}.log", self.name)))?;
        let lines = lines_of(child.stdout.take().context("no console")?);
        let mut patience = PATIENCE;
        loop {
            match lines.recv_timeout(Duration::from_secs(patience.into())) {
                Ok(line) => {
                    writeln!(log, "{line}")?;
                    if let Some(step) = console.read(line, steps) {
                        patience = PATIENCE + step.seconds;
                        spinner.set_message(format!("{}: {}", self.name, step.name));
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    console.stands_still = true;
                    child.kill()?;
                    break;
                }
            }
        }
        child.wait()?;
        spinner.finish_and_clear();
        Ok(console)
    }

    fn command(&self, kernel: &Path, root: &Path) -> Command {
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(["-m", &self.mebibytes.to_string(), "-smp", "2", "-cpu", self.processor]);
        qemu.args(["-accel", "tcg", "-nographic", "-no-reboot", "-nic", "none"]);
        qemu.arg("-kernel").arg(kernel).arg("-initrd").arg(root);
        let huge_pages = match self.huge_pages {
            HugePages::Always => "transparent_hugepage=always",
            HugePages::Asked => "transparent_hugepage=madvise",
        };
        // An emulator that gets no processor for a moment fails the kernel's look at the timer, which then panics.
        let line = "console=ttyS0 panic=-1 mitigations=off tsc=unstable no_timer_check quiet";
        qemu.args(["-append", &format!("{line} {huge_pages}")]);
        qemu.stdin(Stdio::null()).stdout(Stdio::piped());
        qemu
    }
}

/// The lines that come from a console, as they come.
fn lines_of(console: ChildStdout) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(console).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// What a machine said so far.
#[derive(Default)]
struct Console {
    /// Whether it said nothing for longer than it may.
    stands_still: bool,
    release: Option<String>,
    /// Steps that ended, and what failed among them.
    ended: usize,
    failed: Vec<String>,
    /// Lines since the last step ended.
    output: Vec<String>,
}

impl Console {
    /// Takes a line; the step that begins with it, if one does.
    fn read<'a>(&mut self, line: String, steps: &[&'a Step]) -> Option<&'a Step> {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["@kernel", release] => self.release = Some(release.to_owned()),
            ["@begin", number] => {
                self.output.clear();
                return steps.get(number.parse::<usize>().ok()?).copied();
            }
            ["@end", number, status, seconds] => {
                self.ended += 1;
                if status != "0" {
                    let name =
                        number.parse::<usize>().ok().and_then(|it| Some(&steps.get(it)?.name));
                    let name = name.map_or("?", String::as_str);
                    self.failed.push(format!(
                        "{name}: {} after {seconds} s\n{}",
                        ending(status),
                        self.output.join("\n")
                    ));
                }
            }
            _ => self.output.push(line),
        }
        None
    }
}

/// How a step ended, in words.
fn ending(status: &str) -> String {
    match status.parse::<i32>() {
        Ok(-1) => "took too long".to_owned(),
        Ok(number) if number > 1000 => format!("signal {}", number - 1000),
        _ => format!("exit code {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_is_read() {
        let step = |name| Step::new(name, Path::new("/bin/true"), &[]);
        let steps = [step("a"), step("b"), step("c")];
        let steps: Vec<_> = steps.iter().collect();
        let mut console = Console::default();
        let text = "noise\n@kernel 6.1.0\n@begin 0\nfine\n@end 0 0 0.1\n@begin 1\nbad\n@end 1 1011 2.0\n@begin 2";
        for line in text.lines() {
            console.read(line.to_owned(), &steps);
        }
        assert_eq!((console.release.as_deref(), console.ended), (Some("6.1.0"), 2));
        assert_eq!(console.failed, ["b: signal 11 after 2.0 s\nbad"]);
    }
}
