//! `cargo xtask profile -- PROGRAM ARGS`: which calls hold a program's memory, as a page to look at.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use stratalloc_profile::{Quantity, Symbols, write_pprof};

use crate::{library, process};

mod page;

/// Runs a program under the library, in the current folder, and shows which calls hold its memory.
#[derive(clap::Args)]
pub(crate) struct Profile {
    /// One block is sampled in so many bytes on average: shorter is more exact, and costs more.
    #[arg(long, default_value = "512K", value_parser = interval)]
    interval: String,
    /// Where the page goes, and what belongs to it; by default a folder of cargo's named as the program.
    #[arg(long)]
    out: Option<PathBuf>,
    /// The program and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<OsString>,
}

/// A size that the library takes: else it would sample nothing, which shows only after the program has run.
fn interval(text: &str) -> Result<String, &'static str> {
    let number = text.trim_end_matches(['K', 'M', 'G', 'T', 'k', 'm', 'g', 't']);
    let has_one_unit = text.len() - number.len() <= 1;
    let is_size = has_one_unit && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_positive = number.parse::<u64>().is_ok_and(|number| number > 0);
    if is_size && is_positive { Ok(text.to_owned()) } else { Err("not a size, as 512K") }
}

impl Profile {
    pub(crate) fn run(self) -> Result<()> {
        let library = library::build()?;
        let folder = self.folder()?;
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).env("LD_PRELOAD", library);
        let file = folder.join("%p.profile");
        command.env("STRATALLOC_PROFILE", format!("{},{}", file.display(), self.interval));
        let mut program = command.spawn().with_context(|| named(&self.program))?;
        let status = program.wait()?;
        eprintln!("     {}: {status}", named(&self.program));
        for (file, profile) in largest(&folder)? {
            let title = format!("{}, process {}", named(&self.program), stem(&file));
            let page = show(&file, &profile, &title)?;
            println!("{}", page.display());
        }
        Ok(())
    }

    /// An empty folder for what is found.
    fn folder(&self) -> Result<PathBuf> {
        let name = Path::new(&self.program[0]).file_name().unwrap_or(OsStr::new("program"));
        let folder =
            self.out.clone().unwrap_or_else(|| process::target_dir().join("profiles").join(name));
        fs::create_dir_all(&folder)?;
        for old in profiles(&folder)? {
            fs::remove_file(old)?;
        }
        Ok(folder.canonicalize()?)
    }
}

fn named(program: &[OsString]) -> String {
    program.join(OsStr::new(" ")).to_string_lossy().into_owned()
}

/// The profiles in a folder.
fn profiles(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("profile")) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The profiles in a folder of the process that held most, and of those that held a tenth of that or more; most
/// first. A script is many processes.
fn largest(folder: &Path) -> Result<Vec<(PathBuf, stratalloc_profile::Profile)>> {
    let read = |file: PathBuf| -> Result<_> {
        let profile = fs::read_to_string(&file)?.parse();
        Ok((file.clone(), profile.with_context(|| file.display().to_string())?))
    };
    let mut found: Vec<(_, stratalloc_profile::Profile)> =
        profiles(folder)?.into_iter().map(read).collect::<Result<_>>()?;
    found.sort_by_key(|(_, profile)| std::cmp::Reverse(peak(profile)));
    let most = found.first().map(|(_, profile)| peak(profile));
    ensure!(most.is_some(), "it left no profile: was it statically linked, or ended by a signal?");
    found.retain(|(_, profile)| Some(peak(profile).saturating_mul(10)) >= most);
    Ok(found)
}

fn peak(profile: &stratalloc_profile::Profile) -> u64 {
    profile.total(Quantity::Peak).bytes
}

/// Makes a page of a profile, a file in pprof's format and folded stacks beside it; the page's path.
fn show(file: &Path, profile: &stratalloc_profile::Profile, title: &str) -> Result<PathBuf> {
    let mut symbols = Symbols::new(profile);
    write_pprof(profile, &mut symbols, File::create(file.with_extension("pb.gz"))?)?;
    for (quantity, name) in [
        (Quantity::Live, "live.folded"),
        (Quantity::Peak, "peak.folded"),
        (Quantity::Allocated, "allocated.folded"),
    ] {
        let lines = stratalloc_profile::folded(profile, &mut symbols, quantity);
        fs::write(file.with_extension(name), lines)?;
    }
    let page = file.with_extension("html");
    fs::write(&page, page::page(profile, &mut symbols, title)?)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_size_above_zero() {
        for text in ["1", "64K", "2m"] {
            assert_eq!(interval(text), Ok(text.to_owned()));
        }
        for text in ["", "K", "0", "0K", "+1", "-1", "1KK", "1.5K", "all"] {
            assert!(interval(text).is_err(), "{text}");
        }
    }
}
