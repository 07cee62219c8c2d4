//! The file system that a kernel starts with: an archive of the programs that run there.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use super::steps::Step;
use crate::process;

/// What the C library loads when a thread ends itself or another, and no program names.
fn unwinder() -> Result<PathBuf> {
    let mut cc = Command::new(process::need("cc", "gcc")?);
    let output = process::output(cc.arg("-print-file-name=libgcc_s.so.1"))?;
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    fs::canonicalize(&path).with_context(|| path)
}

/// The folder that becomes the archive.
pub(super) struct FileSystem {
    folder: PathBuf,
}

impl FileSystem {
    /// Builds the archive of some steps; its path.
    pub(super) fn build(steps: &[&Step]) -> Result<PathBuf> {
        process::step_checked("build a file system", || {
            let system = Self { folder: process::target_dir().join("kernels/root") };
            let _ = fs::remove_dir_all(&system.folder);
            fs::create_dir_all(&system.folder)?;
            system.build_init()?;
            let lines: Vec<_> = steps.iter().map(|step| step.line()).collect();
            fs::write(system.folder.join("steps"), lines.concat())?;
            for file in steps.iter().flat_map(|step| step.files()) {
                system.add_program(file)?;
            }
            system.add(&unwinder()?)?;
            system.archive()
        })
    }

    fn build_init(&self) -> Result<()> {
        let source = process::root().join("xtask/src/kernels/init.c");
        let mut cc = Command::new(process::need("cc", "gcc")?);
        cc.args(["-O1", "-Wall", "-static", "-o"]).arg(self.folder.join("init")).arg(source);
        process::said(&mut cc).map(drop)
    }

    /// Puts a program or library where it lies here, without what debuggers need, and all libraries that
    /// it names.
    fn add_program(&self, file: &Path) -> Result<()> {
        if self.add(file)? {
            // A script names no libraries: `ldd` fails.
            let ldd = process::output(Command::new("ldd").arg(file))?;
            let text = String::from_utf8_lossy(&ldd.stdout).into_owned();
            let paths = text.split_whitespace().filter(|word| word.starts_with('/'));
            for library in paths {
                self.add(Path::new(library))?;
            }
        }
        Ok(())
    }

    /// Copies a file to where it lies here; returns whether it wasn't there yet.
    fn add(&self, file: &Path) -> Result<bool> {
        let to = self.folder.join(file.strip_prefix("/")?);
        if to.exists() {
            return Ok(false);
        }
        fs::create_dir_all(to.parent().context("a file in a folder")?)?;
        fs::copy(file, &to).with_context(|| file.display().to_string())?;
        // What can't be stripped stays as it is.
        process::output(Command::new("strip").arg("--strip-debug").arg(&to))?;
        Ok(true)
    }

    fn archive(&self) -> Result<PathBuf> {
        let archive = self.folder.with_extension("cpio");
        let script = "find . | cpio --create --format=newc --quiet";
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).current_dir(&self.folder);
        shell.stdout(Stdio::from(fs::File::create(&archive)?));
        ensure!(shell.status()?.success(), "`{script}` failed");
        Ok(archive)
    }
}
