//! A copy of the workspace to plant faults in, which keeps what it built from run to run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::process;

/// One of several copies.
pub(super) struct WorkCopy {
    top: PathBuf,
}

impl WorkCopy {
    /// Brings a copy up to date with the workspace as it stands, files that aren't committed among it.
    pub(super) fn new(number: usize) -> Result<Self> {
        let top = process::target_dir().join("mutants").join(number.to_string());
        let mut list = Command::new("git");
        list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listed = process::output(list.current_dir(process::root()))?;
        ensure!(listed.status.success(), "faults are planted in a git checkout only");
        for name in String::from_utf8(listed.stdout)?.split_terminator('\0') {
            let (from, to) = (process::root().join(name), top.join(name));
            if from.is_file() {
                write_if_other(&to, &fs::read(&from)?).with_context(|| name.to_owned())?;
            }
        }
        Ok(Self { top })
    }

    /// What a file says.
    pub(super) fn read(&self, file: &str) -> Result<String> {
        fs::read_to_string(self.top.join(file)).with_context(|| file.to_owned())
    }

    /// Makes a file say something else.
    pub(super) fn write(&self, file: &str, text: &str) -> Result<()> {
        fs::write(self.top.join(file), text).with_context(|| file.to_owned())
    }

    /// Cargo at the top of the copy, with the copy's own folder to build in.
    pub(super) fn cargo(&self) -> Command {
        let mut command = process::cargo(&[]);
        command.current_dir(&self.top).env("CARGO_TARGET_DIR", self.top.join("target"));
        // Symbols would be most of what is written.
        command.env("CARGO_PROFILE_DEV_DEBUG", "0");
        command
    }
}

/// Writes a file unless it says the same already: what is built from it would be built anew.
fn write_if_other(file: &Path, content: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|present| present == content) {
        return Ok(());
    }
    fs::create_dir_all(file.parent().context("a file in a folder")?)?;
    Ok(fs::write(file, content)?)
}
