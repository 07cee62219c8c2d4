//! `cargo xtask package`: the crates as strangers get them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use cargo_metadata::Package;

use crate::process;

/// Packs every published crate, and builds and tests what the packages hold in new projects.
#[derive(clap::Args)]
pub(crate) struct Packages {}

/// What an example needs besides its own crate.
const BESIDES: [(&str, &str); 3] = [
    ("stratalloc-compose", "stratalloc-core = '0.1'"),
    ("stratalloc-heap", "lock_api = '0.4'"),
    ("stratalloc-pool", "critical-section = { version = '1.2', features = ['std'] }"),
];

/// The feature that an example needs.
const FEATURES: [(&str, &str); 1] = [("stratalloc-pool", "critical-section")];

impl Packages {
    pub(crate) fn run(self) -> Result<()> {
        let metadata = cargo_metadata::MetadataCommand::new().no_deps().exec()?;
        let mut published = metadata.workspace_packages();
        published.retain(|package| package.publish.as_ref().is_none_or(|to| !to.is_empty()));
        let mut pack = process::cargo(&["package", "--allow-dirty", "--no-verify"]);
        pack.args(published.iter().flat_map(|package| ["--package", package.name.as_str()]));
        process::step(&format!("{} packages", published.len()), &mut pack)?;
        published.iter().try_for_each(|package| unpack(package))?;
        published.iter().try_for_each(|package| {
            process::step_checked(&format!("{} in a new project", package.name), || {
                try_out(package, &published)
            })
        })?;
        process::step_checked("the global allocator alone", || try_alone(&published))
    }
}

/// The most packages that a program with the global allocator alone builds besides itself.
const ALONE: usize = 15;

/// Runs a program that wants nothing but the global allocator, and counts what it builds.
fn try_alone(published: &[&Package]) -> Result<()> {
    let project = new_project(
        "alone",
        "stratalloc = { version = '0.1', default-features = false }",
        published,
    )?;
    let main = "#[global_allocator]\nstatic ALLOCATOR: stratalloc::Stratalloc = stratalloc::Stratalloc;\n\n\
        fn main() {\n    assert_eq!((0..1000).collect::<Vec<u32>>().len(), 1000);\n}\n";
    fs::write(project.join("src/main.rs"), main)?;
    let ran = process::output(&mut cargo_in(&project, &["run", "--quiet"]))?;
    ensure!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let mut tree = process::cargo(&["tree", "--edges", "normal,build", "--prefix", "none"]);
    let tree = process::said(tree.arg("--manifest-path").arg(project.join("Cargo.toml")))?;
    let names: BTreeSet<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    ensure!(names.len() - 1 <= ALONE, "more than {ALONE} packages: {names:?}");
    Ok(())
}

/// Makes a project that has these dependencies, and the versions that are tested here rather than the newest.
fn new_project(name: &str, dependencies: &str, published: &[&Package]) -> Result<PathBuf> {
    let project = process::target_dir().join("newcomer").join(name);
    fs::create_dir_all(project.join("src"))?;
    fs::write(project.join("Cargo.toml"), manifest(dependencies, published))?;
    fs::copy(process::root().join("Cargo.lock"), project.join("Cargo.lock"))?;
    Ok(project)
}

/// Cargo in a new project, all of which build in one folder.
fn cargo_in(project: &Path, arguments: &[&str]) -> Command {
    let mut cargo = process::cargo(arguments);
    cargo.arg("--manifest-path").arg(project.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(process::target_dir().join("newcomer/target"));
    cargo
}

/// Tests the README of a package in a project that depends on it alone.
fn try_out(package: &Package, published: &[&Package]) -> Result<()> {
    let packed = unpacked(package);
    let readme = packed.join("README.md");
    let text = fs::read_to_string(&readme).with_context(|| readme.display().to_string())?;
    let links = relative_links(&text);
    ensure!(links.is_empty(), "{}: links that lead nowhere: {links:?}", readme.display());

    let project = new_project(package.name.as_str(), &dependencies_of(package), published)?;
    let source = format!("#[doc = include_str!(\"{}\")]\npub struct Readme;\n", readme.display());
    fs::write(project.join("src/lib.rs"), source)?;
    let output = process::output(&mut cargo_in(&project, &["test", "--doc"]))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    ensure!(output.status.success() && !said.contains("running 0 tests"), "{said}");
    Ok(())
}

/// What a project depends on that tries the README of a package.
fn dependencies_of(package: &Package) -> String {
    let (name, version) = (&package.name, &package.version);
    let of_it = |&(crate_name, text): &(&str, &'static str)| (**name == crate_name).then_some(text);
    let besides = BESIDES.iter().find_map(of_it).unwrap_or_default();
    let features: Vec<_> = FEATURES.iter().filter_map(of_it).collect();
    format!("{name} = {{ version = '{version}', features = {features:?} }}\n{besides}")
}

/// A project of its own, which takes the crates from the packages instead of the registry.
fn manifest(dependencies: &str, published: &[&Package]) -> String {
    let patch = |package: &&Package| {
        format!("{} = {{ path = '{}' }}\n", package.name, unpacked(package).display())
    };
    let patches: String = published.iter().map(patch).collect();
    format!(
        "[package]\nname = 'newcomer'\nedition = '2024'\n\n[workspace]\n\n[dependencies]\n\
         {dependencies}\n\n[patch.crates-io]\n{patches}"
    )
}

/// Where a package is unpacked.
fn unpacked(package: &Package) -> PathBuf {
    let folder = format!("{}-{}", package.name, package.version);
    process::target_dir().join("newcomer/packages").join(folder)
}

/// Unpacks what cargo packed. The new projects build it: cargo's own check would build all of it once more, and from
/// what it remembers of the same version.
fn unpack(package: &Package) -> Result<()> {
    let folder = unpacked(package);
    let packages = folder.parent().context("a package lies in a folder")?;
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(packages)?;
    let name = format!("package/{}-{}.crate", package.name, package.version);
    let mut tar = Command::new("tar");
    // A package states one and the same time for all files: cargo notices changes by the time.
    tar.arg("-xzmf").arg(process::target_dir().join(name)).arg("-C").arg(packages);
    let output = process::output(&mut tar)?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The targets of links that only work in the repository.
fn relative_links(markdown: &str) -> Vec<&str> {
    let targets = markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|to| !to.starts_with("https://") && !to.starts_with('#')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_into_the_repository_are_found() {
        let text = "[a](https://a.example) [b](#b) ![c](docs/c.png) [d](../LICENSE)";
        assert_eq!(relative_links(text), ["docs/c.png", "../LICENSE"]);
    }
}
