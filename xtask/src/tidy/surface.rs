//! What the lowest crate offers, another one uses: it is there for the layers above it.

use std::{collections::BTreeSet, path::Path};

use anyhow::Result;

use super::{names::Names, seeds::Source};

/// The crate at the bottom of the ladder: its root, and its name in paths.
const ROOT: &str = "crates/core/src/lib.rs";
const NAME: &str = "stratalloc_core";

/// Names that the lowest crate offers and no other package's code uses. Errors are left out: callers pass them on
/// without their names.
pub(super) fn check(sources: &[Source]) -> Result<Vec<String>> {
    let mut offered = BTreeSet::new();
    let mut used = BTreeSet::new();
    for (file, text) in sources {
        let names = Names::of(&Vec::new(), text)?;
        if file == Path::new(ROOT) {
            offered.extend(names.handed_on.into_iter().map(|(_, name, _)| name));
        } else if !file.starts_with("crates/core") {
            let handed_on = names.handed_on.into_iter().map(|(_, _, path)| path);
            let paths = names.used.into_iter().map(|(_, path)| path).chain(handed_on);
            used.extend(paths.filter_map(|path| named(&path)));
        }
    }
    let unused = offered.difference(&used).filter(|name| !name.ends_with("Error"));
    Ok(unused.map(|name| format!("{ROOT} offers {name}, which no other crate uses")).collect())
}

/// The name of the lowest crate's that a path begins with.
fn named(path: &[String]) -> Option<String> {
    let [first, name, ..] = path else { return None };
    (first == NAME).then(|| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_other_crate_uses_is_found() {
        let sources = [
            (ROOT, "pub use a::{Used, Renamed, Idle, InTests, SomeError};"),
            ("crates/core/src/a.rs", "use stratalloc_core::Idle;"),
            (
                "crates/x/src/lib.rs",
                "use stratalloc_core::{Used, sync}; pub use stratalloc_core::Renamed as R;",
            ),
            ("crates/x/src/y.rs", "#[cfg(test)] mod tests { use stratalloc_core::InTests; }"),
        ];
        let owned = |(file, text): (&str, &str)| (Path::new(file).to_owned(), text.to_owned());
        let findings = check(&sources.map(owned)).expect("Rust");
        let finding = |name| format!("{ROOT} offers {name}, which no other crate uses");
        assert_eq!(findings, ["Idle", "InTests"].map(finding));
    }
}
