//! What is installed, and where.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{library, process};

/// The version that files carry in their names, and name.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The libraries that are installed, as they were built.
pub(super) struct Built {
    shared: PathBuf,
    checked: PathBuf,
    hardened: PathBuf,
    paranoid: PathBuf,
}

impl Built {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            shared: library::build()?,
            checked: library::build_checked()?,
            hardened: library::build_hardened()?,
            paranoid: library::build_paranoid()?,
        })
    }

    /// The shared libraries, with what they are called where they are installed.
    fn named(&self) -> [(&str, &Path); 4] {
        [
            ("libstratalloc", &self.shared),
            ("libstratalloc-checked", &self.checked),
            ("libstratalloc-hardened", &self.hardened),
            ("libstratalloc-paranoid", &self.paranoid),
        ]
    }
}

/// The files that an installation lays.
pub(super) struct Tree<'a> {
    /// What stands for the top of the file system while they are laid.
    pub(super) root: &'a Path,
    /// Where they lie below it, an absolute path: it stands in the files that name others.
    pub(super) prefix: &'a Path,
}

impl Tree<'_> {
    /// Lays what a program needs to run.
    pub(super) fn lay_runtime(&self, built: &Built) -> Result<()> {
        let lib = self.at("lib");
        for (name, shared) in built.named() {
            copy(shared, &lib.join(format!("{name}.so.{VERSION}")))?;
            link(&format!("{name}.so.{VERSION}"), &lib.join(format!("{name}.so.0")))?;
        }
        Ok(())
    }

    /// Lays what a program needs besides to be built.
    pub(super) fn lay_development(&self, built: &Built) -> Result<()> {
        let lib = self.at("lib");
        for (name, shared) in built.named() {
            copy(&shared.with_extension("a"), &lib.join(format!("{name}.a")))?;
            link(&format!("{name}.so.0"), &lib.join(format!("{name}.so")))?;
        }
        let header = process::root().join("crates/malloc/include/stratalloc.h");
        copy(&header, &self.at("include/stratalloc.h"))?;
        let gdb = process::root().join("crates/malloc/gdb/what.py");
        copy(&gdb, &self.at("share/stratalloc/what.py"))?;
        self.fill("stratalloc.3", &self.at("share/man/man3/stratalloc.3"))?;
        self.fill("stratalloc.pc.in", &lib.join("pkgconfig/stratalloc.pc"))?;
        let cmake = lib.join("cmake/stratalloc/stratallocConfig.cmake");
        self.fill("stratallocConfig.cmake.in", &cmake)
    }

    /// Where a file of the prefix is laid.
    pub(super) fn at(&self, path: &str) -> PathBuf {
        let prefix = self.prefix.strip_prefix("/").expect("an absolute prefix");
        self.root.join(prefix).join(path)
    }

    /// Writes a file of `crates/malloc` that names the version and the prefix.
    fn fill(&self, template: &str, to: &Path) -> Result<()> {
        let text = fs::read_to_string(process::root().join("crates/malloc").join(template))?;
        let text = text.replace("@VERSION@", VERSION);
        write(to, &text.replace("@PREFIX@", &self.prefix.to_string_lossy()))
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    make_folder_of(to)?;
    // A library in use is replaced, not written over.
    let _ = fs::remove_file(to);
    fs::copy(from, to).with_context(|| format!("{} to {}", from.display(), to.display()))?;
    Ok(())
}

fn link(target: &str, link: &Path) -> Result<()> {
    make_folder_of(link)?;
    let _ = fs::remove_file(link);
    symlink(target, link).with_context(|| link.display().to_string())
}

pub(super) fn write(to: &Path, text: &str) -> Result<()> {
    make_folder_of(to)?;
    fs::write(to, text).with_context(|| to.display().to_string())
}

fn make_folder_of(file: &Path) -> Result<()> {
    let folder = file.parent().expect("a file in a folder");
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> String {
        fs::read_to_string(process::root().join(path)).unwrap()
    }

    /// The words of a text that begin so, up to what can't stand in a name.
    fn names<'a>(text: &'a str, beginning: &'a str) -> impl Iterator<Item = &'a str> {
        text.match_indices(beginning).map(|(at, _)| {
            let rest = &text[at..];
            &rest[..rest.find(|it: char| !it.is_alphanumeric() && it != '_').unwrap_or(rest.len())]
        })
    }

    #[test]
    fn the_manual_names_every_function_and_structure_of_the_header() {
        let (header, manual) =
            (read("crates/malloc/include/stratalloc.h"), read("crates/malloc/stratalloc.3"));
        let declared: Vec<_> =
            names(&header, "stratalloc_").chain(names(&header, "free_")).collect();
        assert!(declared.contains(&"stratalloc_heap_new") && declared.contains(&"free_sized"));
        let known: Vec<_> = names(&manual, "stratalloc_").chain(names(&manual, "free_")).collect();
        let missing: Vec<_> = declared.iter().filter(|name| !known.contains(name)).collect();
        assert!(missing.is_empty(), "not in the manual: {missing:?}");
    }

    #[test]
    fn the_manual_names_every_setting_of_the_guide() {
        let (guide, manual) = (read("docs/MALLOC.md"), read("crates/malloc/stratalloc.3"));
        let table = guide.lines().filter(|line| line.starts_with("| `STRATALLOC_"));
        let settings: Vec<_> = table.flat_map(|line| names(line, "STRATALLOC_").take(1)).collect();
        assert!(settings.contains(&"STRATALLOC_LIMIT"));
        let known: Vec<_> = names(&manual, "STRATALLOC_").collect();
        let missing: Vec<_> = settings.iter().filter(|name| !known.contains(name)).collect();
        assert!(missing.is_empty(), "not in the manual: {missing:?}");
    }
}
