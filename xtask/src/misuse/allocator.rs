//! Whose malloc a program has.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{bench::machine, debian, files, library, process};

pub(super) struct Allocator {
    pub(super) name: String,
    /// What is preloaded.
    library: Option<PathBuf>,
    pub(super) is_ours: bool,
}

impl Allocator {
    /// Lets a program have its malloc.
    pub(super) fn serve(&self, command: &mut Command) {
        match &self.library {
            Some(library) => command.env("LD_PRELOAD", library),
            None => command.env_remove("LD_PRELOAD"),
        };
    }
}

/// Our builds.
pub(super) fn ours() -> Result<Vec<Allocator>> {
    let builds = [
        ("default", library::build()?),
        ("checked", library::build_checked()?),
        ("hardened", library::build_hardened()?),
        ("paranoid", library::build_paranoid()?),
    ];
    Ok(builds
        .into_iter()
        .map(|(name, library)| Allocator {
            name: name.to_owned(),
            library: Some(library),
            is_ours: true,
        })
        .collect())
}

/// The C library's own.
pub(super) fn c_library() -> Result<Allocator> {
    Ok(Allocator { name: machine::c_library()?, library: None, is_ours: false })
}

/// Scudo, of the newest runtime of Clang's that Debian has here: unpacked, not installed.
pub(super) fn scudo() -> Result<Allocator> {
    let folder = process::target_dir().join("scudo");
    let package = debian::in_lists(newest)?.context("Debian has no package libclang-rt-*-dev")?;
    let version = package.split('-').nth(2).unwrap_or_default();
    let root = folder.join(version);
    if library_in(&root).is_err() {
        process::step_checked(&format!("Scudo {version} from Debian"), || {
            debian::unpack(std::slice::from_ref(&package), &root)
        })?;
    }
    let library = Some(library_in(&root)?);
    Ok(Allocator { name: format!("Scudo {version}"), library, is_ours: false })
}

fn library_in(root: &Path) -> Result<PathBuf> {
    let wanted = format!("libclang_rt.scudo_standalone-{}.so", env::consts::ARCH);
    let mut found = files::files(root, "so")?.into_iter();
    found.find(|file| file.ends_with(&wanted)).with_context(|| format!("there is no {wanted}"))
}

/// The package of the newest runtime, as `libclang-rt-19-dev`.
fn newest() -> Result<Option<String>> {
    let listed = process::output(Command::new("apt-cache").args(["pkgnames", "libclang-rt-"]))?;
    Ok(newest_of(&String::from_utf8(listed.stdout)?))
}

fn newest_of(names: &str) -> Option<String> {
    let version =
        |name: &&str| name.strip_prefix("libclang-rt-")?.strip_suffix("-dev")?.parse::<u32>().ok();
    let newest = names.lines().filter(|name| version(name).is_some()).max_by_key(version);
    newest.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_newest_runtime_is_that_of_the_highest_number() {
        let names = "libclang-rt-9-dev\nlibclang-rt-19-dev\nlibclang-rt-dev\n\
                     libclang-rt-20-dev-wasm32\nlibclang-rt-16-dev\n";
        assert_eq!(super::newest_of(names).as_deref(), Some("libclang-rt-19-dev"));
        assert_eq!(super::newest_of("libclang-rt-dev\n"), None);
    }
}
