//! Shared libraries to preload: ours, what Debian installs, and what is built from the sources that cargo has.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use anyhow::{Context, Result};
use cargo_metadata::Metadata;

use super::packages;
use crate::{library, process};

/// An allocator to preload; without a file it is the system's.
#[derive(Clone, Debug)]
pub(crate) struct Library {
    pub(crate) name: &'static str,
    pub(crate) file: Option<PathBuf>,
}

/// A library that is built from the sources of a crate that the runners link, so it is the same version.
struct Source {
    name: &'static str,
    package: &'static str,
    /// A folder of headers and a file of code, in the package.
    include: &'static str,
    file: &'static str,
    flags: &'static [&'static str],
}

/// What is built here.
const SOURCES: [Source; 3] = [
    mimalloc("mimalloc2", "c_src/mimalloc/v2/include", "c_src/mimalloc/v2/src/static.c"),
    mimalloc("mimalloc3", "c_src/mimalloc/v3/include", "c_src/mimalloc/v3/src/static.c"),
    Source {
        name: "rpmalloc",
        package: "rpmalloc-sys",
        include: "rpmalloc/rpmalloc",
        file: "rpmalloc/rpmalloc/rpmalloc.c",
        flags: &["-std=gnu11", "-D_GNU_SOURCE", "-DENABLE_OVERRIDE=1", "-DENABLE_PRELOAD=1"],
    },
];

const fn mimalloc(name: &'static str, include: &'static str, file: &'static str) -> Source {
    let flags = &["-DMI_MALLOC_OVERRIDE", "-DMI_SHARED_LIB", "-DMI_SHARED_LIB_EXPORT"];
    Source { name, package: "libmimalloc-sys", include, file, flags }
}

/// What every one of [`SOURCES`] is built with.
const FLAGS: [&str; 7] = [
    "-O3",
    "-DNDEBUG",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-ftls-model=initial-exec",
    "-fno-builtin-malloc",
];

/// Libraries as Debian names them: the file, and the package that has it.
const INSTALLED: [(&str, &str, &str); 2] = [
    ("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
    ("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
];

/// Our builds that are compared where they are asked for by name.
const CHECKED: &str = "stratalloc-checked";
const HARDENED: &str = "stratalloc-hardened";
const PARANOID: &str = "stratalloc-paranoid";

/// Where installed libraries lie.
const FOLDERS: [&str; 4] = ["/usr/local/lib", "/usr/lib", "/usr/lib64", "/lib"];

/// Returns whether there is a library called `name`, or could be.
pub(crate) fn has(name: &str) -> bool {
    let installed = INSTALLED.iter().map(|(name, ..)| *name);
    let mut all = installed.chain(SOURCES.iter().map(|source| source.name));
    ["system", "stratalloc", CHECKED, HARDENED, PARANOID].contains(&name)
        || all.any(|own| own == name)
}

/// Ours, the system's, and those that can be had, or of them those called `names`; says in a line why one is missing.
pub(crate) fn libraries(names: &[String]) -> Result<Vec<Library>> {
    let asked =
        |name: &str| names.is_empty() || names.iter().any(|asked| asked == name || asked == "all");
    let mut found = vec![Library { name: "system", file: None }];
    let mut add = |name, file: Result<PathBuf>| match file {
        Ok(file) => found.push(Library { name, file: Some(file) }),
        Err(error) => eprintln!("preloaded programs run without {name}: {error:#}"),
    };
    if asked("stratalloc") {
        add("stratalloc", library::build());
    }
    if names.iter().any(|name| name == CHECKED) {
        add(CHECKED, library::build_checked());
    }
    if names.iter().any(|name| name == HARDENED) {
        add(HARDENED, library::build_hardened());
    }
    if names.iter().any(|name| name == PARANOID) {
        add(PARANOID, library::build_paranoid());
    }
    for (name, file, package) in INSTALLED.into_iter().filter(|(name, ..)| asked(name)) {
        add(name, installed(file, package));
    }
    let sources: Vec<&Source> = SOURCES.iter().filter(|source| asked(source.name)).collect();
    for (source, file) in sources.iter().zip(build(&sources)?) {
        add(source.name, file);
    }
    found.retain(|library| asked(library.name));
    found.sort_by_key(|library| library.name);
    Ok(found)
}

/// A library of the machine, installed when we may.
fn installed(file: &str, package: &str) -> Result<PathBuf> {
    if find(file).is_none() {
        process::install(&[package], &format!("`{file}` is missing"))?;
    }
    find(file).with_context(|| format!("`{file}` is not in Debian's package {package}"))
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

/// Builds what is not built yet, all at once.
fn build(sources: &[&Source]) -> Result<Vec<Result<PathBuf>>> {
    if sources.is_empty() {
        return Ok(Vec::new());
    }
    let metadata = packages::metadata()?;
    packages::need_compilers()?;
    process::step_checked("build shared libraries of peers", || {
        Ok(thread::scope(|scope| {
            let building: Vec<_> =
                sources.iter().map(|source| scope.spawn(|| source.build(&metadata))).collect();
            building.into_iter().map(|thread| thread.join().expect("a builder panicked")).collect()
        }))
    })
}

impl Source {
    /// Compiles the library, unless this version of it is there.
    fn build(&self, metadata: &Metadata) -> Result<PathBuf> {
        let package = metadata.packages.iter().find(|package| package.name == self.package);
        let package = package.with_context(|| format!("no crate {}", self.package))?;
        let sources = package.manifest_path.parent().context("a manifest lies in a folder")?;
        let folder =
            process::target_dir().join("bench/libraries").join(package.version.to_string());
        let file = folder.join(format!("lib{}.so", self.name));
        if !file.is_file() {
            fs::create_dir_all(&folder)?;
            // Under another name until it is whole, or an interrupt would leave half a library.
            let unfinished = file.with_extension("new");
            let output = process::output(&mut self.compiler(sources.as_std_path(), &unfinished))?;
            let said = String::from_utf8_lossy(&output.stderr);
            anyhow::ensure!(output.status.success(), "{said}");
            fs::rename(unfinished, &file)?;
        }
        Ok(file)
    }

    fn compiler(&self, sources: &Path, output: &Path) -> Command {
        let mut compiler = Command::new("cc");
        compiler.args(FLAGS).args(self.flags).arg("-I").arg(sources.join(self.include));
        compiler.arg(sources.join(self.file)).arg("-o").arg(output).arg("-pthread");
        compiler
    }
}
