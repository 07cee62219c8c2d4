//! A package's files as a graph: which names something that another defines.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use petgraph::{algo::tarjan_scc, graphmap::DiGraphMap};

use super::{
    names::{ModulePath, Names},
    seeds::Source,
};

/// The modules of one package that have files of their own.
pub(super) struct Modules {
    /// The module in each file, in the order of their paths.
    files: BTreeMap<ModulePath, PathBuf>,
    /// Pairs of modules, the first of which names something of the second.
    arrows: BTreeSet<(ModulePath, ModulePath)>,
}

/// Follows of names that are handed on, at most.
const HANDED_ON: usize = 8;

impl Modules {
    /// Reads the modules below `folder`, a package's `src`.
    pub(super) fn read(folder: &Path, sources: &[Source]) -> Result<Self> {
        let mut files = BTreeMap::new();
        let mut names = BTreeMap::new();
        for (file, text) in sources {
            let Ok(within) = file.strip_prefix(folder) else { continue };
            let module = module_of(within);
            let found = Names::of(&module, text).with_context(|| file.display().to_string())?;
            names.insert(module.clone(), found);
            files.insert(module, file.clone());
        }
        let for_tests: Vec<_> = names.values().flat_map(|names| names.for_tests.clone()).collect();
        let is_for_tests =
            |module: &ModulePath| for_tests.iter().any(|top| module.starts_with(top));
        files.retain(|module, _| !is_for_tests(module));
        names.retain(|module, _| !is_for_tests(module));
        Ok(Self { files, arrows: BTreeSet::new() }.with_arrows(&names))
    }

    /// Finds the arrows by what each module names.
    fn with_arrows(self, names: &BTreeMap<ModulePath, Names>) -> Self {
        let mut handed_on = BTreeMap::new();
        for (scope, name, path) in names.values().flat_map(|names| &names.handed_on) {
            handed_on.insert((scope.clone(), name.clone()), (scope.clone(), path.clone()));
        }
        let mut arrows = BTreeSet::new();
        for (module, names) in names {
            for (scope, path) in &names.used {
                let target = self.resolve(scope, path, &handed_on, HANDED_ON);
                arrows.extend(target.filter(|to| to != module).map(|to| (module.clone(), to)));
            }
        }
        Self { arrows, ..self }
    }

    /// The module that defines what a path names, if it is one of this package's.
    fn resolve(
        &self,
        scope: &ModulePath,
        path: &[String],
        handed_on: &BTreeMap<(ModulePath, String), (ModulePath, Vec<String>)>,
        depth: usize,
    ) -> Option<ModulePath> {
        let whole = self.whole_path(scope, path)?;
        let known = (0..=whole.len()).rev().find(|&end| self.files.contains_key(&whole[..end]))?;
        let (module, rest) = whole.split_at(known);
        let next = rest.first().and_then(|name| handed_on.get(&(module.to_vec(), name.clone())));
        let behind = next
            .filter(|_| depth > 0)
            .and_then(|(scope, path)| self.resolve(scope, path, handed_on, depth - 1));
        Some(behind.unwrap_or_else(|| module.to_vec()))
    }

    /// A path from the crate's root on; `None` if it leads into another crate.
    fn whole_path(&self, scope: &ModulePath, path: &[String]) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        let mut from = match first.as_str() {
            "crate" => Vec::new(),
            "self" => scope.clone(),
            "super" => scope[..scope.len().checked_sub(1)?].to_vec(),
            child => {
                let mut module = scope.clone();
                module.push(child.to_owned());
                return self.files.contains_key(&module).then(|| [module, rest.to_vec()].concat());
            }
        };
        let mut rest = rest;
        while rest.first().is_some_and(|name| name == "super") {
            from.pop()?;
            rest = &rest[1..];
        }
        from.extend_from_slice(rest);
        Some(from)
    }

    /// The files that name each other in a circle. A part of a module may name what the module defines, of which it is a
    /// part.
    pub(super) fn circles(&self) -> Vec<Vec<&Path>> {
        let numbers: BTreeMap<_, _> = self.files.keys().zip(0..).collect();
        let outward = self.arrows.iter().filter(|(from, to)| !from.starts_with(to));
        let edges = outward.map(|(from, to)| (numbers[from], numbers[to]));
        let graph = DiGraphMap::<usize, ()>::from_edges(edges);
        let files: Vec<_> = self.files.values().map(PathBuf::as_path).collect();
        let circles = tarjan_scc(&graph).into_iter().filter(|circle| circle.len() > 1);
        let named = circles.map(|circle| circle.into_iter().map(|number| files[number]).collect());
        named.map(sorted).collect()
    }

    /// Returns whether a module that isn't for tests has this file.
    pub(super) fn has(&self, file: &Path) -> bool {
        self.files.values().any(|known| known == file)
    }

    /// The modules at the package's top, but for its root.
    pub(super) fn rooms(&self) -> BTreeSet<&str> {
        self.files.keys().filter_map(|module| room(module)).collect()
    }

    /// The arrows between such modules, each with the file that it starts in.
    pub(super) fn arrows_between_rooms(&self) -> impl Iterator<Item = (&str, &str, &Path)> {
        self.arrows.iter().filter_map(|(from, to)| {
            let (source, target) = (room(from)?, room(to)?);
            (source != target).then(|| (source, target, self.files[from].as_path()))
        })
    }
}

fn room(module: &ModulePath) -> Option<&str> {
    module.first().map(String::as_str)
}

fn sorted(mut files: Vec<&Path>) -> Vec<&Path> {
    files.sort();
    files
}

/// The module that a file of `src` holds.
fn module_of(file: &Path) -> ModulePath {
    let mut module: ModulePath =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod") || module == ["lib"] || module == ["main"] {
        module.pop();
    }
    module
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package of these files.
    fn modules(files: &[(&str, &str)]) -> Modules {
        let source =
            |&(file, text): &(&str, &str)| (Path::new("p/src").join(file), text.to_owned());
        let sources: Vec<_> = files.iter().map(source).collect();
        Modules::read(Path::new("p/src"), &sources).expect("Rust")
    }

    #[test]
    fn a_circle_is_found_however_its_arrows_are_written() {
        let modules = modules(&[
            ("lib.rs", "pub mod a; mod b; pub use b::B;"),
            ("a.rs", "use crate::B;"),
            ("a/inner.rs", "pub struct Inner; fn f() { super::super::b::g() }"),
            (
                "b.rs",
                "mod nested { use super::super::a::inner::Inner; } pub use self::own::B; mod own {}",
            ),
        ]);
        let circles = modules.circles();
        assert_eq!(circles, [[Path::new("p/src/a/inner.rs"), Path::new("p/src/b.rs")]]);
    }

    #[test]
    fn a_part_may_name_the_module_around_it() {
        let modules = modules(&[
            ("lib.rs", "mod a;"),
            ("a.rs", "mod inner; pub struct A(inner::Inner);"),
            ("a/inner.rs", "pub struct Inner; fn f(_: super::A) {}"),
        ]);
        assert!(modules.circles().is_empty());
    }

    #[test]
    fn arrows_lead_to_where_a_name_is_defined() {
        let modules = modules(&[
            ("lib.rs", "mod face; mod low; pub(crate) use low::Lock;"),
            ("face.rs", "use crate::Lock; use std::fmt;"),
            ("low/mod.rs", "pub struct Lock;"),
        ]);
        let arrows: Vec<_> = modules.arrows_between_rooms().collect();
        assert_eq!(arrows, [("face", "low", Path::new("p/src/face.rs"))]);
        assert_eq!(modules.rooms(), BTreeSet::from(["face", "low"]));
    }
}
