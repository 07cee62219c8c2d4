//! The catalogue of planted faults: what is changed where, and which test notices.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::files;

/// One fault.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mutant {
    /// What it breaks, in a few words.
    pub(super) name: String,
    /// The file, from the workspace's top on.
    pub(super) file: String,
    /// What stands there once, or first after `after`.
    pub(super) text: String,
    /// What is put in its place.
    pub(super) replacement: String,
    /// A text that stands there once, before what is changed.
    #[serde(default)]
    after: String,
    /// The package whose test notices.
    #[serde(default)]
    package: String,
    /// The test's name, or what several that notice have in their names.
    #[serde(default)]
    test: String,
    /// The file of `tests` that has it; the package's unit tests otherwise.
    #[serde(default)]
    binary: String,
    /// Features of the package that the test needs.
    #[serde(default)]
    features: Vec<String>,
    /// Why no test can notice, for a fault that does no harm.
    #[serde(default)]
    harmless: String,
}

/// The test that notices a fault.
pub(super) struct Killer<'m> {
    pub(super) package: &'m str,
    pub(super) test: &'m str,
    pub(super) binary: &'m str,
    pub(super) features: &'m [String],
}

impl Killer<'_> {
    /// Returns whether it is a model that loom explores.
    pub(super) fn is_model(&self) -> bool {
        self.test.contains("loom_")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mutant: Vec<Mutant>,
}

/// All faults, in the order of their files.
pub(super) fn read(root: &Path) -> Result<Vec<Mutant>> {
    let mut all = Vec::new();
    for path in files::files(&root.join("xtask/mutants"), "toml")? {
        let shown = || path.display().to_string();
        let file: File = toml::from_str(&fs::read_to_string(&path)?).with_context(shown)?;
        all.extend(file.mutant);
    }
    Ok(all)
}

/// What is wrong with the catalogue: faults that can no longer be planted, or that nothing is said of.
pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for mutant in read(root)? {
        let text = fs::read_to_string(root.join(&mutant.file)).unwrap_or_default();
        if mutant.plant(&text).is_none() {
            findings
                .push(format!("the fault “{}” can't be planted in {}", mutant.name, mutant.file));
        }
        if mutant.test.is_empty() == mutant.harmless.is_empty() {
            findings.push(format!(
                "the fault “{}” needs a test, or a reason to have none",
                mutant.name
            ));
        }
        if !mutant.names_a_test(root)? {
            let (test, package) = (&mutant.test, &mutant.package);
            findings.push(format!("the fault “{}”: no {test} in {package}", mutant.name));
        }
    }
    Ok(findings)
}

/// The files of an integration test, which is one file or a folder of them.
fn sources_of(test: &Path) -> Result<Vec<PathBuf>> {
    if test.is_dir() { files::files(test, "rs") } else { Ok(vec![test.with_extension("rs")]) }
}

impl Mutant {
    /// The test that notices; none for a harmless one.
    pub(super) fn killer(&self) -> Option<Killer<'_>> {
        let Self { package, test, binary, features, .. } = self;
        (!test.is_empty()).then_some(Killer { package, test, binary, features })
    }

    /// Returns whether the sources that are to have its test name it; a harmless one needs none.
    fn names_a_test(&self, root: &Path) -> Result<bool> {
        if self.test.is_empty() {
            return Ok(true);
        }
        let folder = self.package.strip_prefix("stratalloc-").unwrap_or(&self.package);
        let folder = root.join("crates").join(folder);
        let sources = match self.binary.as_str() {
            "" => files::files(&folder.join("src"), "rs")?,
            binary => sources_of(&folder.join("tests").join(binary))?,
        };
        let name = self.test.rsplit("::").next().unwrap_or_default();
        Ok(sources
            .iter()
            .any(|path| fs::read_to_string(path).is_ok_and(|text| text.contains(name))))
    }

    /// A file's text with the fault in it; `None` if what it changes isn't there once.
    pub(super) fn plant(&self, text: &str) -> Option<String> {
        let (before, rest) = if self.after.is_empty() {
            (text.matches(&self.text).count() == 1).then_some(("", text))?
        } else {
            let at = text.find(&self.after)? + self.after.len();
            (text.matches(&self.after).count() == 1).then_some(text.split_at(at))?
        };
        let (kept, left) = rest.split_once(&self.text)?;
        (self.text != self.replacement).then(|| [before, kept, &self.replacement, left].concat())
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: ", self.file, self.name)?;
        if self.harmless.is_empty() {
            write!(f, "noticed by {} of {}", self.test, self.package)
        } else {
            write!(f, "harmless: {}", self.harmless)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(after: &str) -> Mutant {
        let text = format!(
            "name = 'n'\nfile = 'f'\ntext = 'a < b'\nreplacement = 'a <= b'\nafter = '{after}'\ntest = 't'\npackage = 'p'"
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn a_fault_is_planted_where_its_text_stands_once() {
        assert_eq!(mutant("").plant("if a < b {}").as_deref(), Some("if a <= b {}"));
        assert_eq!(mutant("").plant("if a < b || a < b {}"), None);
        assert_eq!(mutant("").plant("if a > b {}"), None);
    }

    #[test]
    fn a_fault_is_planted_after_what_tells_two_places_apart() {
        let text = "fn f() { a < b }\nfn g() { a < b }\nfn h() { a < b }";
        let planted = "fn f() { a < b }\nfn g() { a <= b }\nfn h() { a < b }";
        assert_eq!(mutant("fn g").plant(text).as_deref(), Some(planted));
        assert_eq!(mutant("fn").plant(text), None);
    }
}
