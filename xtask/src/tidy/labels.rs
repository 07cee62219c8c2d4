//! Labels of invariants: `[TYPE-n: word]` where one is stated, `[TYPE-n]` where a proof cites it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::seeds::Source;

/// Labels that are stated twice, or cited where their package doesn't state them, or of another form.
pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut stated: BTreeMap<&str, &Path> = BTreeMap::new();
    let mut known: BTreeSet<(&Path, &str)> = BTreeSet::new();
    let mut findings = Vec::new();
    for (file, label) in labels(sources).filter(|(_, label)| label.states) {
        if let Some(first) = stated.insert(label.name, file) {
            let (name, first, file) = (label.name, first.display(), file.display());
            findings.push(format!("[{name}] is stated in {first} and in {file}"));
        }
        known.insert((package(file), label.name));
    }
    for (file, label) in labels(sources) {
        if !has_form(label.name) {
            findings.push(format!("{}: [{}] isn't [TYPE-n]", file.display(), label.name));
        } else if !known.contains(&(package(file), label.name)) {
            findings.push(format!("{}: [{}] is stated nowhere", file.display(), label.name));
        }
    }
    for (file, text) in sources {
        for name in text.lines().filter_map(in_bold) {
            findings.push(format!("{}: **{name}** isn't [TYPE-n: word]", file.display()));
        }
    }
    findings
}

/// A label in a comment.
struct Label<'t> {
    name: &'t str,
    /// Returns whether the invariant itself follows.
    states: bool,
}

fn labels(sources: &[Source]) -> impl Iterator<Item = (&Path, Label<'_>)> {
    sources.iter().flat_map(|(file, text)| {
        text.lines().flat_map(in_comment).map(|label| (file.as_path(), label))
    })
}

/// The labels in a line's comment, if it has one.
fn in_comment(line: &str) -> impl Iterator<Item = Label<'_>> {
    let comment = line.find("//").map_or("", |start| &line[start..]);
    let states = comment.starts_with("/// - [") || comment.starts_with("//! - [");
    let brackets = comment.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
    brackets.enumerate().flat_map(move |(number, (inside, _))| {
        let names = inside.split(':').next().unwrap_or_default().split(", ");
        names
            .filter(|name| is_label(name))
            .map(move |name| Label { name, states: states && number == 0 })
    })
}

/// The label of an invariant that a line states in bold letters.
fn in_bold(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("///").or(line.strip_prefix("//!"))?;
    let (name, _) = rest.trim_start().strip_prefix("- **")?.split_once("**")?;
    is_label(name).then_some(name)
}

/// Capitals and then a number.
fn is_label(name: &str) -> bool {
    let capital = |c: char| c.is_ascii_uppercase() || c == '_';
    let rest = name.trim_start_matches(capital);
    let number = rest.trim_start_matches('-');
    rest.len() < name.len() && !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
}

fn has_form(name: &str) -> bool {
    name.split_once('-').is_some_and(|(of, _)| of.len() > 1)
}

/// The folder of the package that a file belongs to.
fn package(file: &Path) -> &Path {
    let top = file.ancestors().find(|folder| folder.ends_with("src") || folder.ends_with("tests"));
    top.and_then(Path::parent).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(sources: &[(&str, &str)]) -> Vec<String> {
        let owned = |&(file, text): &(&str, &str)| (Path::new(file).to_owned(), text.to_owned());
        check(&sources.iter().map(owned).collect::<Vec<_>>())
    }

    const STATED: &str = "/// - [LOCK-1: sole] One guard.\n/// - [LOCK-2: last] And [LOCK-1].\n";

    #[test]
    fn what_is_stated_may_be_cited_in_its_package() {
        let citing =
            "// SAFETY: by [LOCK-1, LOCK-2]; see [`Lock`], [a][B] and [0; 4].\nlet x = a[I1];";
        let sources = [("c/a/src/lock.rs", STATED), ("c/a/src/deep/user.rs", citing)];
        assert_eq!(findings(&sources), Vec::<String>::new());
    }

    #[test]
    fn what_is_stated_elsewhere_twice_or_otherwise_is_found() {
        let sources = [
            ("c/a/src/lock.rs", STATED),
            ("c/b/src/user.rs", "// SAFETY: [LOCK-1].\n"),
            ("c/b/src/lock.rs", "/// - [LOCK-2: again] Twice.\n/// - [L3: old] Short.\n"),
            ("c/b/src/heap.rs", "/// - **H1**: bold.\n/// - **Models**: none.\n"),
        ];
        assert_eq!(
            findings(&sources),
            [
                "[LOCK-2] is stated in c/a/src/lock.rs and in c/b/src/lock.rs",
                "c/b/src/user.rs: [LOCK-1] is stated nowhere",
                "c/b/src/lock.rs: [L3] isn't [TYPE-n]",
                "c/b/src/heap.rs: **H1** isn't [TYPE-n: word]",
            ]
        );
    }
}
