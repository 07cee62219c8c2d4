//! Any program under every allocator that has a shared library here.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use stratalloc_samples::{Entry, Run};

use super::{
    finish, machine,
    record::{self, Failure, Line, Writer},
    runners::{self, Runner},
};
use crate::{library, process};

/// Shared libraries as Debian names them: the file, and the package that has it.
const LIBRARIES: [(&str, &str, &str); 4] = [
    ("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
    ("mimalloc", "libmimalloc.so.2", "libmimalloc2.0"),
    ("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
    ("tbbmalloc", "libtbbmalloc_proxy.so.2", "libtbbmalloc2"),
];

/// Where shared libraries lie.
const FOLDERS: [&str; 4] = ["/usr/local/lib", "/usr/lib", "/usr/lib64", "/lib"];

/// An allocator to preload; without a file it is the system's.
struct Library {
    name: &'static str,
    file: Option<PathBuf>,
}

/// Runs `program` on every library in turn, and prints the same tables as for the workloads.
pub(crate) fn run(program: &[OsString], rounds: usize) -> Result<()> {
    ensure!(rounds > 0, "no rounds, no figures");
    let launcher = runners::build(&["system".to_owned()])?.remove(0);
    let libraries = libraries();
    let mut header = machine::header(std::slice::from_ref(&launcher), 100)?;
    header.allocators = libraries.iter().map(|library| library.name.to_owned()).collect();
    header.crates.clear();
    let path = record::path(&header);
    let mut writer = Writer::create(&path, header)?;
    writer.write(&Line::Workload(entry(program)))?;
    let bar = ProgressBar::new((rounds * libraries.len()) as u64);
    for _ in 0..rounds {
        for library in &libraries {
            writer.write(&launch(&launcher, library, program)?)?;
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    finish(&path, false)
}

fn entry(program: &[OsString]) -> Entry {
    let words: Vec<_> = program.iter().map(|word| word.to_string_lossy()).collect();
    Entry {
        workload: name(program),
        level: "program".to_owned(),
        size: "asked".to_owned(),
        threads: vec![1],
        about: words.join(" "),
    }
}

/// The program's file name.
fn name(program: &[OsString]) -> String {
    Path::new(&program[0]).file_name().unwrap_or(&program[0]).to_string_lossy().into_owned()
}

/// Ours, the system's, and those that are installed; says how to install the rest.
fn libraries() -> Vec<Library> {
    let mut libraries = vec![Library { name: "system", file: None }];
    match library::build() {
        Ok(file) => libraries.push(Library { name: "stratalloc", file: Some(file) }),
        Err(error) => eprintln!("without stratalloc: {error:#}"),
    }
    for (name, file, package) in LIBRARIES {
        match find(file) {
            Some(file) => libraries.push(Library { name, file: Some(file) }),
            None => eprintln!("without {name}: apt-get install {package}"),
        }
    }
    libraries
}

/// The library called `file` in one of the folders, or in a folder of theirs, as Debian's for each architecture.
fn find(file: &str) -> Option<PathBuf> {
    let below = |folder: &str| {
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
    };
    let folders = FOLDERS
        .iter()
        .flat_map(|folder| std::iter::once(PathBuf::from(folder)).chain(below(folder)));
    folders.map(|folder| folder.join(file)).find(|path| path.is_file())
}

fn launch(launcher: &Runner, library: &Library, program: &[OsString]) -> Result<Line> {
    let mut command = launcher.command(&["exec"]);
    if let Some(file) = &library.file {
        command.arg("--preload").arg(file);
    }
    let output = process::output(command.arg("--").args(program))?;
    if !output.status.success() {
        return Ok(Line::Failure(Failure {
            workload: name(program),
            threads: 1,
            allocator: library.name.to_owned(),
            reason: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        }));
    }
    let run: Run =
        serde_json::from_slice(&output.stdout).context("the launcher prints one line")?;
    Ok(Line::Run(Run { workload: name(program), allocator: library.name.to_owned(), ..run }))
}
