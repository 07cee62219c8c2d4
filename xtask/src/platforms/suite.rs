//! Test programs, and which of their tests run.

use std::{collections::BTreeSet, process::Command};

use anyhow::{Context, Result};

use crate::built::Program;

/// A test program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Suite {
    /// What it shows, in the words of a table.
    pub(super) about: &'static str,
    /// The package's folder.
    package: &'static str,
    /// The test's name; the package's own with its unit tests.
    name: &'static str,
    /// What the harness is told: what tests have in their names that run, or what to skip.
    arguments: &'static [&'static str],
}

impl Suite {
    pub(super) const fn new(
        about: &'static str,
        package: &'static str,
        name: &'static str,
        arguments: &'static [&'static str],
    ) -> Self {
        Self { about, package, name, arguments }
    }

    /// Its program among those that cargo built.
    pub(super) fn find<'p>(&self, programs: &'p [Program]) -> Result<&'p Program> {
        let is_it =
            |program: &&Program| program.package == self.package && program.name == self.name;
        let found = programs.iter().find(is_it);
        found.with_context(|| format!("cargo built no {}/{}", self.package, self.name))
    }

    /// Tells the harness which tests to run.
    pub(super) fn choose(&self, command: &mut Command) {
        command.arg("--test-threads=2").args(self.arguments);
    }

    fn is_of_units(&self) -> bool {
        self.name == package(self.package).replace('-', "_")
    }
}

/// What cargo is told in order to build just these.
pub(super) fn cargo_arguments(suites: &[Suite]) -> Vec<String> {
    let packages: BTreeSet<_> = suites.iter().map(|suite| package(suite.package)).collect();
    let mut arguments: Vec<_> = packages.iter().map(|name| format!("--package={name}")).collect();
    if suites.iter().any(Suite::is_of_units) {
        arguments.push("--lib".to_owned());
    }
    let names: BTreeSet<_> =
        suites.iter().filter(|suite| !suite.is_of_units()).map(|suite| suite.name).collect();
    arguments.extend(names.iter().map(|name| format!("--test={name}")));
    arguments
}

/// The package in a folder.
fn package(folder: &str) -> String {
    format!("stratalloc-{folder}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_told_each_package_and_test_once() {
        let units = Suite::new("", "arena", "stratalloc_arena", &[]);
        let suites =
            [units, Suite::new("", "arena", "a", &[]), Suite::new("", "pages", "a", &["x"])];
        let told =
            ["--package=stratalloc-arena", "--package=stratalloc-pages", "--lib", "--test=a"];
        assert_eq!(cargo_arguments(&suites), told);
    }
}
