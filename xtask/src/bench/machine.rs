//! What a record says of the machine and of the builds.

use std::{fs, process::Command};

use anyhow::{Context, Result};

use super::{packages, record::Header};
use crate::process;

/// The header of a record that begins now.
pub(crate) fn header(allocators: Vec<String>, scale: usize) -> Result<Header> {
    let cores = std::thread::available_parallelism()?.get();
    Ok(Header {
        date: now()?,
        machine: folder_name(&format!("{cores}-core {}", cpu())),
        system: system()?,
        compiler: format!(
            "{}, profile `compare` (release as cargo has it: no link-time optimisation)",
            said("rustc", &["--version"])?
        ),
        commit: commit(),
        allocators,
        crates: crates()?,
        scale,
    })
}

/// The time in UTC, fit for a file's name.
pub(crate) fn now() -> Result<String> {
    said("date", &["-u", "+%Y-%m-%dT%H-%M-%S"])
}

/// The workspace's commit, with a plus if something was changed since.
pub(crate) fn commit() -> String {
    said("git", &["describe", "--always", "--dirty=+"]).unwrap_or_else(|_| "unknown".to_owned())
}

/// What programs run on: processors, memory, kernel and C library.
pub(crate) fn system() -> Result<String> {
    let cores = std::thread::available_parallelism()?.get();
    let memory: u64 = field("/proc/meminfo", "MemTotal:")
        .split_whitespace()
        .next()
        .map_or(0, |kib| kib.parse().unwrap_or(0));
    let kernel = read("/proc/sys/kernel/osrelease");
    let huge = read("/sys/kernel/mm/transparent_hugepage/enabled");
    let huge = huge.split(['[', ']']).nth(1).unwrap_or("unknown");
    Ok(format!(
        "{cores} processors {}, {} GiB, Linux {kernel}, huge pages {huge}, {}",
        cpu(),
        memory.div_ceil(1 << 20),
        c_library()?
    ))
}

/// The C library and its version.
pub(crate) fn c_library() -> Result<String> {
    said("getconf", &["GNU_LIBC_VERSION"])
}

/// The crates that runners link, with versions.
fn crates() -> Result<Vec<String>> {
    let metadata = packages::metadata()?;
    let runners = metadata.packages.iter().find(|package| package.name == "stratalloc-runners");
    let runners = runners.context("the workspace has no package of runners")?;
    let linked = |name: &str| runners.dependencies.iter().any(|dependency| dependency.name == name);
    let linked = metadata.packages.iter().filter(|package| linked(&package.name));
    Ok(linked.map(|package| format!("{} {}", package.name, package.version)).collect())
}

fn cpu() -> String {
    let name = field("/proc/cpuinfo", "model name");
    let name = name.trim_start_matches([':', ' ', '\t']);
    if name.is_empty() { std::env::consts::ARCH.to_owned() } else { name.to_owned() }
}

/// The rest of the first line of a file that starts with `key`.
fn field(file: &str, key: &str) -> String {
    let text = read(file);
    text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim().to_owned()
}

fn read(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default().trim().to_owned()
}

fn said(program: &str, args: &[&str]) -> Result<String> {
    process::said(Command::new(program).args(args).current_dir(process::root()))
}

/// `name` in lower case, with dashes for what does not belong into a file's name.
fn folder_name(name: &str) -> String {
    let words =
        name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_machine_s_name_is_fit_for_a_folder() {
        assert_eq!(super::folder_name("2-core AMD EPYC (tm)/7B13"), "2-core-amd-epyc-tm-7b13");
    }
}
