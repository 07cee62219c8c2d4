//! What is looked at: a program that is started, a process that runs, or a file.

use std::{
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};

use super::reading::{self, Reading};
use crate::{library, process};

/// A subject, which has gauges.
pub(super) enum Subject {
    /// A program that was started, and the folder where its processes have their gauges.
    Program(Box<Child>, PathBuf),
    /// A process, and its file.
    Process(u32, PathBuf),
    /// A file alone.
    File(PathBuf),
}

impl Subject {
    /// Starts a program under the library. Where it is not `heard`, what it prints goes to files in the folder.
    pub(super) fn start(program: &[OsString], heard: bool) -> Result<Self> {
        let library = library::build()?;
        let folder = process::target_dir().join("top").join(std::process::id().to_string());
        fs::create_dir_all(&folder)?;
        let folder = folder.canonicalize()?;
        let mut command = Command::new(&program[0]);
        command.args(&program[1..]).env("LD_PRELOAD", library);
        command.env("STRATALLOC_GAUGES", folder.join("%p.gauges"));
        // So that there are frames while it sleeps.
        if std::env::var_os("STRATALLOC_BACKGROUND").is_none() {
            command.env("STRATALLOC_BACKGROUND", "yes");
        }
        if !heard {
            command.stdin(Stdio::null());
            command.stdout(File::create(folder.join("stdout"))?);
            command.stderr(File::create(folder.join("stderr"))?);
        }
        let child = command.spawn().with_context(|| program[0].to_string_lossy().into_owned())?;
        Ok(Self::Program(Box::new(child), folder))
    }

    /// A process that runs.
    pub(super) fn process(number: u32) -> Result<Self> {
        Ok(Self::Process(number, reading::file_of(number)?))
    }

    /// Reads the gauges as they are now.
    pub(super) fn read(&self) -> Result<Reading> {
        match self {
            Self::Program(_, folder) => Reading::of_largest(folder),
            Self::Process(_, file) | Self::File(file) => Reading::of(file),
        }
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Result<Option<String>> {
        Ok(match self {
            Self::Program(child, _) => child.try_wait()?.map(|status| status.to_string()),
            Self::Process(number, _) => {
                let is_there = Path::new(&format!("/proc/{number}")).exists();
                (!is_there).then(|| String::from("it ended"))
            }
            Self::File(_) => None,
        })
    }

    /// Waits for a program's end.
    pub(super) fn wait(&mut self) -> Result<()> {
        if let Self::Program(child, _) = self {
            eprintln!("     {}", child.wait()?);
        }
        Ok(())
    }

    /// The folder with what a program printed, if that isn't heard.
    pub(super) fn folder(&self) -> Option<&Path> {
        if let Self::Program(_, folder) = self { Some(folder) } else { None }
    }
}

impl Drop for Subject {
    /// Ends a program that runs still. What it printed stays; its gauges don't.
    fn drop(&mut self) {
        if let Self::Program(child, folder) = self {
            let _ = child.kill();
            let _ = child.wait();
            for file in fs::read_dir(&*folder).into_iter().flatten().flatten() {
                if file.path().extension().is_some_and(|extension| extension == "gauges") {
                    let _ = fs::remove_file(file.path());
                }
            }
            // Where something was printed, it isn't empty.
            let _ = fs::remove_dir(folder);
        }
    }
}
