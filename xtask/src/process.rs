//! Starting other programs: found or installed first, shown while they run, quiet unless they fail.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

/// The top of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The workspace's own cargo, at its top.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// The cargo of another installed toolchain, at the workspace's top.
pub(crate) fn cargo_of(toolchain: &str, args: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", toolchain, "cargo"]).args(args).current_dir(root());
    for inherited in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(inherited);
    }
    command
}

/// Runs a command to its end under a spinner; its output is shown only when it fails.
pub(crate) fn step(name: &str, command: &mut Command) -> Result<Output> {
    step_checked(name, || {
        let output = output(command)?;
        if !output.status.success() {
            let shown = [&output.stdout[..], &output.stderr[..]].concat();
            bail!("{}\n{}: {}", String::from_utf8_lossy(&shown), shown_as(command), output.status);
        }
        Ok(output)
    })
}

/// Does a piece of work under a spinner, and prints one line of how it went and how long it took.
pub(crate) fn step_checked<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let spinner = spinner(name);
    let result = work();
    spinner.finish_and_clear();
    let verdict = if result.is_ok() { "ok  " } else { "FAIL" };
    eprintln!("{verdict} {name} ({:.1} s)", start.elapsed().as_secs_f64());
    result.with_context(|| name.to_owned())
}

/// A spinner with a name and the time since it began.
pub(crate) fn spinner(name: &str) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{spinner} {msg} {elapsed}").expect("a fixed template");
    let spinner = ProgressBar::new_spinner().with_style(style).with_message(name.to_owned());
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}

/// Runs a command and takes its output, whatever its status.
pub(crate) fn output(command: &mut Command) -> Result<Output> {
    command.output().with_context(|| format!("cannot start {}", shown_as(command)))
}

/// Runs a command that must succeed, and returns what it printed, without the space around it.
pub(crate) fn said(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    if !output.status.success() {
        bail!("{}: {}", shown_as(command), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Where a program lies on `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Makes sure that a program is here: Debian's `package` is installed where it is missing and we
/// are root; else the error is the one line that says what to do.
pub(crate) fn need(program: &str, package: &str) -> Result<PathBuf> {
    // Several tests may need the same one at the same time: whoever comes second finds it.
    static INSTALLING: Mutex<()> = Mutex::new(());
    let one_at_a_time = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if find(program).is_none() {
        install(&[package], &format!("`{program}` is missing"))?;
    }
    drop(one_at_a_time);
    find(program).with_context(|| format!("`{program}` is not in Debian's package {package}"))
}

/// Installs Debian packages, or says in one line, after `reason`, how to.
pub(crate) fn install(packages: &[&str], reason: &str) -> Result<()> {
    let advice = format!("{reason}: apt-get install {}", packages.join(" "));
    if !nix::unistd::geteuid().is_root() || find("apt-get").is_none() {
        bail!("{advice}");
    }
    let name = format!("apt-get install {}", packages.join(" "));
    let install = || {
        let args = [&["install", "-y", "--no-install-recommends"], packages].concat();
        let mut first = apt_get(&args);
        if output(&mut first)?.status.success() {
            return Ok(());
        }
        // A fresh machine has no package lists yet.
        update_lists()?;
        let second = output(&mut apt_get(&args))?;
        if !second.status.success() {
            bail!("{}", String::from_utf8_lossy(&second.stderr));
        }
        Ok(())
    };
    step_checked(&name, install).context(advice)
}

/// Fetches Debian's lists of packages anew, where that may be done. What can't be fetched stays as it was.
pub(crate) fn update_lists() -> Result<()> {
    if nix::unistd::geteuid().is_root() && find("apt-get").is_some() {
        output(&mut apt_get(&["update"]))?;
    }
    Ok(())
}

fn apt_get(args: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    // Another apt may be at work: waited for, not given up for.
    command.args(["-o", "DPkg::Lock::Timeout=300"]).args(args);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// A command as one would type it.
pub(crate) fn shown_as(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
