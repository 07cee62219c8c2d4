//! Debian's packages: found, fetched and unpacked, not installed.

use std::{fs, path::Path, process::Command};

use anyhow::Result;

use crate::process;

/// What `find` finds in the lists of packages. These are fetched first where it finds nothing: a fresh machine has
/// none yet.
pub(crate) fn in_lists(find: impl Fn() -> Result<Option<String>>) -> Result<Option<String>> {
    let found = find()?;
    if found.is_some() {
        return Ok(found);
    }
    process::update_lists()?;
    find()
}

/// Fetches packages, each a name or `NAME=VERSION`, and unpacks them below `root`.
pub(crate) fn unpack(packages: &[String], root: &Path) -> Result<()> {
    unpack_by(&|| Command::new("apt-get"), packages, root)
}

/// The same with packages of another architecture, as `arm64`, whose lists are fetched first and kept apart from
/// this machine's.
pub(crate) fn unpack_foreign(architecture: &str, packages: &[String], root: &Path) -> Result<()> {
    let apart = root.join("apt");
    for folder in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(apart.join(folder))?;
    }
    let apt_get = || {
        let mut command = Command::new("apt-get");
        for option in [
            format!("APT::Architecture={architecture}"),
            format!("APT::Architectures={architecture}"),
            format!("Dir::State::lists={}", apart.join("lists").display()),
            format!("Dir::Cache={}", apart.join("cache").display()),
            "Dir::State::status=/dev/null".to_owned(),
            // The user that apt would rather be can't write there.
            "APT::Sandbox::User=root".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        command
    };
    process::said(apt_get().arg("update"))?;
    unpack_by(&apt_get, packages, root)?;
    Ok(fs::remove_dir_all(&apart)?)
}

fn unpack_by(apt_get: &dyn Fn() -> Command, packages: &[String], root: &Path) -> Result<()> {
    let folder = root.join("packages");
    fs::create_dir_all(&folder)?;
    process::said(apt_get().current_dir(&folder).arg("download").args(packages))?;
    for entry in fs::read_dir(&folder)? {
        extract(&entry?.path(), root)?;
    }
    Ok(fs::remove_dir_all(&folder)?)
}

/// Unpacks the file of a package below `root`.
pub(crate) fn extract(package: &Path, root: &Path) -> Result<()> {
    process::said(Command::new("dpkg-deb").arg("--extract").args([package, root]))?;
    Ok(())
}
