//! Debian's packages: found, fetched and unpacked, not installed.

use std::{fs, path::Path, process::Command};

use anyhow::{Result, ensure};

use crate::process;

/// What `find` finds in the lists of packages. These are fetched first where it finds nothing: a fresh machine has
/// none yet.
pub(crate) fn in_lists(find: impl Fn() -> Result<Option<String>>) -> Result<Option<String>> {
    let found = find()?;
    if found.is_some() {
        return Ok(found);
    }
    process::output(Command::new("apt-get").arg("update"))?;
    find()
}

/// Fetches packages, each a name or `NAME=VERSION`, and unpacks them below `root`.
pub(crate) fn unpack(packages: &[String], root: &Path) -> Result<()> {
    let folder = root.join("packages");
    fs::create_dir_all(&folder)?;
    succeed(Command::new("apt-get").current_dir(&folder).arg("download").args(packages))?;
    for entry in fs::read_dir(&folder)? {
        succeed(Command::new("dpkg-deb").arg("--extract").arg(entry?.path()).arg(root))?;
    }
    Ok(fs::remove_dir_all(&folder)?)
}

fn succeed(command: &mut Command) -> Result<()> {
    let output = process::output(command)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {said}", process::shown_as(command));
    Ok(())
}
