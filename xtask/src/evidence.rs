//! `cargo xtask evidence`: writes `docs/EVIDENCE.md`, what stands behind each structure that several threads use, and
//! behind the layers.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{files, loom, mutants, process, sanitize};

/// Runs the loom models, and writes docs/EVIDENCE.md with how many executions they had.
#[derive(clap::Args)]
pub(crate) struct Evidence {
    /// Runs no models: the executions on the page stay.
    #[arg(long)]
    keep: bool,
}

/// A structure: what it is called, where it stands, which tests stress it, and which fuzz targets run it.
struct Structure {
    name: &'static str,
    /// Files, or folders with all that is in them, within `crates`.
    places: &'static [&'static str],
    stress: &'static str,
    fuzz: &'static str,
}

const fn structure(
    name: &'static str,
    places: &'static [&'static str],
    stress: &'static str,
    fuzz: &'static str,
) -> Structure {
    Structure { name, places, stress, fuzz }
}

const BLOCK: &str = "`crates/block/src/shared/stress.rs`";
const FORKS: &str = "`crates/arena/tests/forks.rs`, `crates/arena/tests/storm.rs`";

/// To add one, add a line.
const STRUCTURES: [Structure; 20] = [
    structure("stack of free blocks", &["block/src/shared/stack.rs"], BLOCK, "block"),
    structure(
        "growth, chunk by chunk",
        &["block/src/shared/frontier.rs", "block/src/shared/frontier"],
        BLOCK,
        "block",
    ),
    structure("shelf of batches", &["block/src/shared/shelf.rs"], BLOCK, "block"),
    structure("depot", &["block/src/shared/depot.rs", "block/src/shared/depot"], BLOCK, "block"),
    structure(
        "magazines, and what is under them",
        &[
            "block/src/shared/magazine.rs",
            "block/src/shared/allocator/memory.rs",
            "block/src/shared/index.rs",
        ],
        BLOCK,
        "block",
    ),
    structure(
        "the lock that waits in the kernel",
        &["pages/src/lock.rs", "pages/src/lock"],
        "`crates/pages/src/lock.rs`, `crates/arena/tests/locks.rs`",
        "arena",
    ),
    structure("the pages' kernel", &["pages/src/kernel.rs"], "", ""),
    structure(
        "inbox of remote frees",
        &["arena/src/heap/inbox.rs", "arena/src/heap/inbox", "arena/src/cache/outbox.rs"],
        "`crates/arena/tests/leaks.rs`, `crates/arena/tests/global.rs`",
        "arena",
    ),
    structure(
        "how blocks stand in the paranoid build",
        &["arena/src/books/guard/standing.rs", "arena/src/books/guard/standing"],
        "",
        "",
    ),
    structure(
        "account of the limit",
        &[
            "arena/src/policy/admission.rs",
            "arena/src/policy/admission",
            "arena/src/policy/grant.rs",
        ],
        "`crates/arena/tests/limit.rs`, `crates/arena/tests/limit_races.rs`",
        "arena",
    ),
    structure(
        "threads that start and end, and forks",
        &["arena/src/process/thread.rs", "arena/src/process/thread"],
        FORKS,
        "arena",
    ),
    structure(
        "arena heaps",
        &["arena/src/process/arena_heaps.rs"],
        "`crates/arena/tests/arena_heap.rs`, `crates/arena/tests/storm.rs`",
        "arena",
    ),
    structure(
        "table of windows",
        &["arena/src/books/windows.rs", "arena/src/books/windows"],
        FORKS,
        "arena",
    ),
    structure(
        "bits of blocks of no bytes",
        &["arena/src/books/zero_sized.rs", "arena/src/books/zero_sized"],
        "`crates/malloc/tests/c/zero_sized.c`",
        "",
    ),
    structure("gauges", &["arena/src/inspect/gauges"], "`crates/malloc/tests/gauges.rs`", ""),
    structure(
        "the arenas, all of them",
        &["arena/src"],
        "`crates/arena/tests/global.rs`, `crates/arena/tests/storm.rs`",
        "arena, malloc",
    ),
    structure("pages", &["pages/src"], "", ""),
    structure("heap", &["heap/src"], "", "heap"),
    structure("pool", &["pool/src"], "", "pool"),
    structure(
        "the C face",
        &["malloc/src"],
        "`crates/malloc/tests/c/random_calls.c`, `crates/malloc/tests/c/processes.c`",
        "malloc, settings",
    ),
];

impl Evidence {
    pub(crate) fn run(self) -> Result<()> {
        let (root, place) = (process::root(), place(process::root()));
        let executions = if self.keep {
            executions_on(&fs::read_to_string(&place)?)
        } else {
            executions(&loom::run_all()?)
        };
        Ok(fs::write(place, page(root, &executions)?)?)
    }
}

/// What is wrong with the page, but for the executions, which only a run of the models tells.
pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(place(root)).unwrap_or_default();
    let is_right = page(root, &executions_on(&text))? == text;
    let finding = "docs/EVIDENCE.md isn't what is there: `cargo xtask evidence --keep` writes it";
    Ok(if is_right { Vec::new() } else { vec![finding.to_owned()] })
}

fn place(root: &Path) -> PathBuf {
    root.join("docs/EVIDENCE.md")
}

/// Executions by the file of the model, from what the models say in lines like
/// `heap::inbox::models::loom_x: 819 executions`, after the name of their crate.
fn executions(said: &[(String, String)]) -> BTreeMap<&'static str, usize> {
    let mut sums = BTreeMap::new();
    for (folder, output) in said {
        for (model, count) in loom::counts(output) {
            let file = format!("{folder}/src/{}", model.replace("::", "/"));
            let within = |place: &&str| {
                let stem = place.trim_end_matches(".rs");
                file.strip_prefix(stem).is_some_and(|rest| rest.starts_with('/'))
            };
            for structure in STRUCTURES.iter().filter(|it| it.places.iter().any(within)) {
                *sums.entry(structure.name).or_default() += count;
            }
        }
    }
    sums
}

/// The executions that a page tells.
fn executions_on(page: &str) -> BTreeMap<&'static str, usize> {
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let name = cells.next()?;
        let structure = STRUCTURES.iter().find(|structure| structure.name == name)?;
        let count = cells.nth(2)?.replace(',', "").parse().ok()?;
        Some((structure.name, count))
    });
    rows.collect()
}

const HEAD: &str = "# Evidence

What stands behind each structure, counted by `cargo xtask evidence`, which runs the models; `cargo xtask tidy` holds all but
the executions against the sources.

- **Models** are explored by loom: in each order of their threads, where these differ, and in no fewer executions than there
  were. Loom tells apart what its reduction takes for different, not all orders: the models say what they show.
- **Mutants** are faults within the models that loom must find.
- **Faults** are those of `xtask/mutants` in the structure's files: noticed by a model, by a test, or harmless for a reason
  that stands there. `cargo xtask mutants` plants them.
- **Stress** names where threads run against each other for real.
- **Sanitizers** run the crate's tests: `cargo xtask sanitize`.
- **Fuzz** names the targets of `cargo xtask fuzz` that run it.

| structure | models | mutants | executions | faults: by a model | by a test | harmless | stress | sanitizers | fuzz |
|---|--:|--:|--:|--:|--:|--:|---|---|---|
";

fn page(root: &Path, executions: &BTreeMap<&str, usize>) -> Result<String> {
    let mut page = HEAD.to_owned();
    for structure in &STRUCTURES {
        let (models, mutants) = models(root, structure)?;
        let faults = mutants::tally(root, |file| {
            let within = file.strip_prefix("crates/");
            within.is_some_and(|file| structure.places.iter().any(|place| file.starts_with(place)))
        })?;
        let package = structure.places[0].split('/').next().unwrap_or_default();
        let sanitizers = sanitize::of(&format!("stratalloc-{package}")).join(", ");
        let Structure { name, stress, fuzz, .. } = structure;
        let executions = grouped(executions.get(name).copied().unwrap_or(0));
        let mutants::Tally { by_models, by_tests, harmless } = faults;
        writeln!(
            page,
            "| {name} | {models} | {mutants} | {executions} | {by_models} | {by_tests} | {harmless} \
             | {} | {} | {} |",
            or_dash(stress),
            or_dash(&sanitizers),
            or_dash(fuzz)
        )?;
    }
    Ok(page)
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}

/// A number with a comma before each three digits.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// How many models a structure's files have, and how many mutants that loom must find.
fn models(root: &Path, structure: &Structure) -> Result<(usize, usize)> {
    let (mut models, mut mutants) = (0, 0);
    for place in structure.places {
        let place = root.join("crates").join(place);
        let found = if place.is_dir() { files::files(&place, "rs")? } else { vec![place] };
        for file in found {
            let shown = || file.display().to_string();
            let text = fs::read_to_string(&file).with_context(shown)?;
            for line in text.lines().filter(|line| line.trim_start().starts_with("fn loom_")) {
                *(if line.contains("_mutant_") { &mut mutants } else { &mut models }) += 1;
            }
        }
    }
    Ok((models, mutants))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_are_those_of_the_structures_files_and_stand_on_the_page() {
        let said =
            "heap::inbox::models::loom_x: 12 executions\nsys::other::loom_y: 1000 executions\n";
        let counts = executions(&[("arena".to_owned(), said.to_owned())]);
        assert_eq!(counts["inbox of remote frees"], 12);
        assert_eq!(counts["the arenas, all of them"], 1012);
        let page = page(process::root(), &counts).unwrap();
        assert!(page.contains("| 1,012 |"), "{page}");
        let read = executions_on(&page);
        assert_eq!((read["inbox of remote frees"], read["the arenas, all of them"]), (12, 1012));
    }
}
