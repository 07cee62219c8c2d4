//! `cargo xtask tidy`: what the compiler can't hold of the workspace's order.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{
    evidence,
    files::{files, shown},
    mutants, process,
};

mod labels;
mod ladder;
mod lengths;
mod let_chains;
mod module_docs;
mod modules;
mod names;
mod paths;
mod rooms;
mod seeds;
mod surface;
mod top;
mod unused;
mod words;

/// Checks that the ladder holds, that files begin with their docs, that paths in docs and the tests
/// of the requirements exist.
#[derive(clap::Args)]
pub(crate) struct Tidy {
    /// Prints the longest functions, and how long nine of ten are at most, instead.
    #[arg(long)]
    lengths: bool,
}

impl Tidy {
    pub(crate) fn run(self) -> Result<()> {
        if self.lengths {
            return print_lengths(process::root());
        }
        let findings = check(process::root())?;
        for finding in &findings {
            println!("{finding}");
        }
        match findings.len() {
            0 => Ok(()),
            count => bail!("{count} untidy"),
        }
    }
}

/// Everything that is untidy in the workspace at `root`, a line each.
pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let metadata = cargo_metadata::MetadataCommand::new().no_deps().current_dir(root).exec()?;
    let architecture = root.join("docs/ARCHITECTURE.md");
    let text = fs::read_to_string(&architecture).with_context(|| shown(&architecture))?;

    let mut findings = ladder::check(&ladder::Ladder::parse(&text), &metadata);
    let sources = sources(root, "rs")?;
    findings.extend(code(root, &metadata, &sources)?);
    findings.extend(structure(root, &text, &metadata, &sources)?);
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    findings.extend(unused::check(&manifest, &metadata, &sources));
    findings.extend(documents(root, sources)?);
    findings.extend(mutants::check(root)?);
    findings.extend(evidence::check(root)?);
    findings.extend(top::check(root)?);
    Ok(findings)
}

/// What is untidy in the sources, file by file.
fn code(
    root: &Path,
    metadata: &cargo_metadata::Metadata,
    sources: &[seeds::Source],
) -> Result<Vec<String>> {
    let mut findings: Vec<_> =
        sources.iter().filter_map(|(file, text)| module_docs::check(file, text)).collect();
    let shipped: Vec<_> =
        sources.iter().filter(|(file, _)| file.starts_with("crates")).cloned().collect();
    findings.extend(labels::check(&shipped));
    let promising = promising(metadata, root);
    let old = shipped.iter().filter(|(file, _)| promising.iter().any(|it| file.starts_with(it)));
    findings.extend(old.flat_map(|(file, text)| let_chains::check(file, text)));
    findings.extend(surface::check(sources)?);
    findings.extend(lengths::check(&lengths(root, metadata, sources)?));
    Ok(findings)
}

/// What the documents name that isn't there.
fn documents(root: &Path, sources: Vec<seeds::Source>) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for file in files(root, "md")? {
        findings.extend(paths::check(root, &relative(root, &file), &fs::read_to_string(&file)?));
    }
    let requirements = fs::read_to_string(root.join("docs/SEEDS.md"))?;
    let all = [sources, self::sources(root, "c")?].concat();
    findings.extend(seeds::check(&requirements, &all));
    Ok(findings)
}

/// Functions that are longer than this are printed.
const LONG: usize = 25;

fn print_lengths(root: &Path) -> Result<()> {
    let metadata = cargo_metadata::MetadataCommand::new().no_deps().current_dir(root).exec()?;
    let mut all = lengths(root, &metadata, &sources(root, "rs")?)?;
    all.sort_by_key(|length| std::cmp::Reverse(length.lines));
    for length in all.iter().take_while(|length| length.lines > LONG) {
        println!("{} lines: {}, {}", length.lines, length.file.display(), length.name);
    }
    let (half, most) = (lengths::percentile(&all, 50), lengths::percentile(&all, 90));
    println!("{} functions: half have up to {half} lines, nine of ten up to {most}", all.len());
    Ok(())
}

/// The functions of all packages' sources, without those for tests.
fn lengths(
    root: &Path,
    metadata: &cargo_metadata::Metadata,
    sources: &[seeds::Source],
) -> Result<Vec<lengths::Length>> {
    let mut all = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(folder) = package.manifest_path.parent() else { continue };
        let modules =
            modules::Modules::read(&relative(root, folder.as_std_path()).join("src"), sources)?;
        for (file, text) in sources.iter().filter(|(file, _)| modules.has(file)) {
            all.extend(lengths::of(file, text)?);
        }
    }
    Ok(all)
}

/// The sources of the packages that name a `rust-version`.
fn promising(metadata: &cargo_metadata::Metadata, root: &Path) -> Vec<PathBuf> {
    let packages = metadata.workspace_packages().into_iter();
    let versioned = packages.filter(|package| package.rust_version.is_some());
    let folders = versioned.filter_map(|package| package.manifest_path.parent());
    folders.map(|folder| relative(root, folder.as_std_path()).join("src")).collect()
}

/// Circles of files in the packages, and rooms that use what stands under them on the `page`.
fn structure(
    root: &Path,
    page: &str,
    metadata: &cargo_metadata::Metadata,
    sources: &[seeds::Source],
) -> Result<Vec<String>> {
    let tables = rooms::Rooms::parse(page);
    let glossary = fs::read_to_string(root.join("docs/GLOSSARY.md"))?;
    let mut findings = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(folder) = package.manifest_path.parent() else { continue };
        let folder = relative(root, folder.as_std_path());
        let modules = modules::Modules::read(&folder.join("src"), sources)?;
        for circle in modules.circles() {
            let files: Vec<_> = circle.iter().map(|file| file.display().to_string()).collect();
            findings.push(format!("{} files name each other: {}", files.len(), files.join(", ")));
        }
        for table in tables.iter().filter(|table| Path::new(&table.folder) == folder) {
            findings.extend(table.check(&modules));
            findings.extend(words::check(&glossary, &folder, sources));
        }
    }
    Ok(findings)
}

/// The files of ours with this extension, by their paths from the root, and what stands in them.
fn sources(root: &Path, extension: &str) -> Result<Vec<seeds::Source>> {
    let read = |file: PathBuf| Ok((relative(root, &file), fs::read_to_string(&file)?));
    files(root, extension)?.into_iter().map(read).collect()
}

fn relative(root: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(root).unwrap_or(path).to_owned()
}
