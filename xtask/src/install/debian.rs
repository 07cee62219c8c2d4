//! Debian packages of the C library: one to run programs, one to build them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};

use super::tree::{Built, Tree, VERSION, write as write_file};
use crate::{
    debian as packages,
    process::{self, said},
};

/// Where Debian's packages put files.
const PREFIX: &str = "/usr";

const RUNTIME: &str = "libstratalloc0";
const DEVELOPMENT: &str = "libstratalloc-dev";

/// A program that says which library has its malloc, of which version, and how much of a block of 100 bytes is usable: in the
/// hardened and the paranoid build what was asked for. It gives a block of each face back.
const PROGRAM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <stratalloc.h>
#include <string.h>
int main(void) {
    Dl_info library;
    if (!dladdr((void *)malloc, &library)) return 2;
    stratalloc_heap *heap = stratalloc_heap_new();
    void *block = stratalloc_heap_alloc(heap, 100);
    if (!block) return 1;
    free(block);
    stratalloc_heap_destroy(heap);
    block = malloc(100);
    printf("%s %s %zu", strrchr(library.dli_fname, '/') + 1, stratalloc_version(),
           malloc_usable_size(block));
    free(block);
}
"#;

/// Writes the packages to a folder, and returns their paths.
pub(super) fn write(built: &Built, folder: &Path) -> Result<[PathBuf; 2]> {
    let architecture = said(Command::new("dpkg").arg("--print-architecture"))?;
    fs::create_dir_all(folder)?;
    let staging = process::target_dir().join("debian");
    let pack = |name: &str, depends: &str, about: &str, lay: &dyn Fn(&Tree<'_>) -> Result<()>| {
        let root = staging.join(name);
        let _ = fs::remove_dir_all(&root);
        lay(&Tree { root: &root, prefix: Path::new(PREFIX) })?;
        let control = control(name, &architecture, depends, about);
        write_file(&root.join("DEBIAN/control"), &control)?;
        let package = folder.join(format!("{name}_{VERSION}_{architecture}.deb"));
        let mut build = Command::new("dpkg-deb");
        build.args(["--root-owner-group", "--build"]).args([&root, &package]);
        said(&mut build)?;
        Ok::<_, anyhow::Error>(package)
    };
    let of_this = format!("{RUNTIME} (= {VERSION})");
    Ok([
        pack(RUNTIME, "libc6", "shared library", &|tree| tree.lay_runtime(built))?,
        pack(DEVELOPMENT, &of_this, "development files", &|tree| tree.lay_development(built))?,
    ])
}

/// What a package says of itself.
fn control(name: &str, architecture: &str, depends: &str, about: &str) -> String {
    let (page, section) =
        (env!("CARGO_PKG_REPOSITORY"), if name == RUNTIME { "libs" } else { "libdevel" });
    format!(
        "Package: {name}\nVersion: {VERSION}\nArchitecture: {architecture}\n\
         Maintainer: the developers of stratalloc <{page}>\nSection: {section}\nPriority: optional\n\
         Depends: {depends}\nHomepage: {page}\n\
         Description: malloc of thread-partitioned arenas, {about}\n \
         libstratalloc takes the place of the C library's malloc in programs that are\n \
         linked to it, and in others under LD_PRELOAD.\n"
    )
}

/// Unpacks the packages into one folder, and builds and runs a program with what lies there.
pub(super) fn try_out(built: &Built) -> Result<()> {
    let folder = process::target_dir().join("debian/tried");
    let _ = fs::remove_dir_all(&folder);
    let root = folder.join("root");
    for package in write(built, &folder)? {
        packages::extract(&package, &root)?;
    }
    let tree = Tree { root: &root, prefix: Path::new(PREFIX) };
    let libraries = [
        ("stratalloc", 112),
        ("stratalloc-checked", 112),
        ("stratalloc-hardened", 100),
        ("stratalloc-paranoid", 100),
    ];
    for (library, usable) in libraries {
        let said = run_with(&tree, &folder, library)?;
        // The name by which the program found it is the one that the build carries in itself.
        let expected = format!("lib{library}.so.0 {VERSION} {usable}");
        ensure!(said == expected, "the program says {said:?} of {library}");
    }
    let manual = fs::read_to_string(tree.at("share/man/man3/stratalloc.3"))?;
    ensure!(!manual.contains('@'), "the manual page has a place that isn't filled");
    Ok(())
}

/// Builds the program with a library that was laid, and returns what it says.
fn run_with(tree: &Tree<'_>, folder: &Path, library: &str) -> Result<String> {
    let (source, program) = (folder.join("program.c"), folder.join(library));
    write_file(&source, PROGRAM)?;
    let mut compile = Command::new("cc");
    compile.arg(&source).arg("-o").arg(&program).arg("-I").arg(tree.at("include"));
    said(compile.arg("-L").arg(tree.at("lib")).arg(format!("-l{library}")).arg("-ldl"))?;
    said(Command::new(&program).env("LD_LIBRARY_PATH", tree.at("lib")))
}
