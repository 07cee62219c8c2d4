//! Words of names: what three files of a crate with rooms share has one meaning, which the glossary gives.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::seeds::Source;

/// Files that a word is in before it needs a meaning of its own.
const SHARED: usize = 3;

/// The glossary's heading over words that mean what they mean everywhere.
const PLAIN: &str = "## Plain words";

/// The words that a glossary explains, or says to be plain.
fn known(glossary: &str) -> BTreeSet<String> {
    let mut plain = false;
    let mut words = BTreeSet::new();
    for line in glossary.lines() {
        if line.starts_with('#') {
            plain = line == PLAIN;
        }
        let cell = line.strip_prefix("| ").and_then(|row| row.split(" |").next());
        if let Some(listed) = cell.or(plain.then_some(line)) {
            words.extend(words_of(listed).map(|word| singular(&word)));
        }
    }
    words
}

/// The words of a text or of names in it, in lower case.
fn words_of(text: &str) -> impl Iterator<Item = String> {
    let mut spaced = String::new();
    let mut before = ' ';
    for letter in text.chars() {
        if letter.is_uppercase() && before.is_lowercase() {
            spaced.push(' ');
        }
        spaced.push(if letter.is_alphabetic() { letter } else { ' ' });
        before = letter;
    }
    let words: Vec<_> = spaced.split_whitespace().map(str::to_lowercase).collect();
    words.into_iter()
}

fn singular(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies") {
        return format!("{stem}y");
    }
    let stem = word.strip_suffix("es").filter(|stem| stem.ends_with("tch") || stem.ends_with("sh"));
    let stem = stem.or_else(|| {
        word.strip_suffix('s').filter(|stem| stem.len() > 2 && !stem.ends_with(['s', 'i', 'u']))
    });
    stem.unwrap_or(word).to_owned()
}

/// The names of types and modules in a source, its own as a module among them.
fn names<'a>(file: &'a Path, text: &'a str) -> impl Iterator<Item = &'a str> {
    let own = file.file_stem().and_then(|stem| stem.to_str());
    let items = text.lines().filter_map(|line| {
        let item = line.trim_start_matches("pub").trim_start_matches("(crate)");
        let mut words = item.trim_start_matches("(super)").split_whitespace();
        let is_item = matches!(words.next()?, "struct" | "enum" | "trait" | "type" | "mod");
        words
            .next()
            .filter(|_| is_item)?
            .split(|it: char| !it.is_alphanumeric() && it != '_')
            .next()
    });
    own.into_iter().chain(items)
}

/// Words in the names of a crate's types and modules that the glossary lacks.
pub(super) fn check(glossary: &str, folder: &Path, sources: &[Source]) -> Vec<String> {
    let known = known(glossary);
    let own = sources.iter().filter(|(file, _)| file.starts_with(folder.join("src")));
    let mut named: BTreeMap<String, &str> = BTreeMap::new();
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for (file, text) in own {
        let here: BTreeSet<_> = words_of(text).map(|word| singular(&word)).collect();
        for word in here {
            *uses.entry(word).or_default() += 1;
        }
        for name in names(file, text) {
            named.extend(words_of(name).map(|word| (singular(&word), name)));
        }
    }
    let missing = named.into_iter().filter(|(word, _)| {
        !known.contains(word) && uses.get(word).is_some_and(|&files| files >= SHARED)
    });
    missing.map(|(word, name)| format!("docs/GLOSSARY.md: no row for “{word}” of {name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GLOSSARY: &str = "
| word | meaning |
|---|---|
| slab, segment | a run of blocks |

## Plain words

list, index of things
";

    fn found(sources: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> =
            sources.iter().map(|(file, text)| ((*file).into(), (*text).to_owned())).collect();
        check(GLOSSARY, Path::new("p"), &sources)
    }

    #[test]
    fn a_word_that_three_files_share_has_a_row() {
        let files = |text| ["p/src/a.rs", "p/src/b.rs", "q/src/c.rs"].map(|file| (file, text));
        let [a, b, c] = files("pub(crate) struct SlabStash {\nenum Index {}\n// stashes");
        assert!(found(&[a, b, c]).is_empty(), "two files of the crate");
        let third = ("p/src/c.rs", "// the STASH of segments");
        assert_eq!(found(&[a, b, third]), ["docs/GLOSSARY.md: no row for “stash” of SlabStash"]);
        let module =
            [("p/src/stash.rs", ""), ("p/src/d.rs", "stash"), third, ("p/src/e.rs", "stash")];
        assert_eq!(found(&module), ["docs/GLOSSARY.md: no row for “stash” of stash"]);
    }

    #[test]
    fn plurals_are_one_word() {
        let singulars =
            ["batches", "caches", "tallies", "bins", "slabs", "address", "status", "axis"]
                .map(singular);
        assert_eq!(
            singulars,
            ["batch", "cache", "tally", "bin", "slab", "address", "status", "axis"]
        );
    }
}
