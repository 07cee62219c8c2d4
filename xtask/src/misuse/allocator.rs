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
    /// Variables that it reads as it starts.
    settings: &'static [(&'static str, &'static str)],
    pub(super) is_ours: bool,
    /// Whether a wrong call may be a fault: where it is looked at memory that was never used.
    pub(super) may_fault: bool,
    /// How often each case runs, where chance has a say: what is noticed least counts.
    pub(super) runs: usize,
}

impl Allocator {
    /// Lets a program have its malloc.
    pub(super) fn serve(&self, command: &mut Command) {
        command.envs(self.settings.iter().copied());
        match &self.library {
            Some(library) => command.env("LD_PRELOAD", library),
            None => command.env_remove("LD_PRELOAD"),
        };
    }
}

/// Has every small block fenced, as long as there are slots.
const GUARDS: &[(&str, &str)] = &[("STRATALLOC_GUARDS", "1")];

/// Chance decides at which end of its page a fenced block lies, and where freed blocks go from the hardened build on.
const RUNS_BY_CHANCE: usize = 8;

/// Our builds, the default one with guards too.
pub(super) fn ours() -> Result<Vec<Allocator>> {
    let default = library::build()?;
    let builds: [(_, _, &[_], _); 5] = [
        ("default", default.clone(), &[], 1),
        ("guards", default, GUARDS, RUNS_BY_CHANCE),
        ("checked", library::build_checked()?, &[], 1),
        ("hardened", library::build_hardened()?, &[], RUNS_BY_CHANCE),
        ("paranoid", library::build_paranoid()?, &[], RUNS_BY_CHANCE),
    ];
    Ok(builds
        .into_iter()
        .map(|(name, library, settings, runs)| Allocator {
            name: name.to_owned(),
            library: Some(library),
            may_fault: !settings.is_empty(),
            runs,
            settings,
            is_ours: true,
        })
        .collect())
}

/// The C library's own.
pub(super) fn c_library() -> Result<Allocator> {
    Ok(Allocator {
        name: machine::c_library()?,
        library: None,
        settings: &[],
        is_ours: false,
        may_fault: true,
        runs: 1,
    })
}

/// Scudo, of the newest runtime of Clang's that Debian has here: unpacked, not installed.
pub(super) fn scudo() -> Result<Allocator> {
    let folder = process::target_dir().join("scudo");
    // Old lists, or those of which some part couldn't be fetched, have an older one.
    process::update_lists()?;
    let package = newest()?.context("Debian has no package libclang-rt-*-dev")?;
    let version = package.split('-').nth(2).unwrap_or_default();
    let root = folder.join(version);
    if library_in(&root).is_err() {
        process::step_checked(&format!("Scudo {version} from Debian"), || {
            debian::unpack(std::slice::from_ref(&package), &root)
        })?;
    }
    let library = Some(library_in(&root)?);
    Ok(Allocator {
        name: format!("Scudo {version}"),
        library,
        settings: &[],
        is_ours: false,
        may_fault: true,
        runs: 1,
    })
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
