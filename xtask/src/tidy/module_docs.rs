//! Every file says what it is before anything else.

use std::path::Path;

/// Returns whether the file begins with `//!`.
pub(super) fn check(file: &Path, text: &str) -> Option<String> {
    let documented = text.lines().next().is_some_and(|line| line.starts_with("//! "));
    (!documented).then(|| format!("{} does not begin with `//!`", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_first_line_of_docs_is_tidy() {
        let file = Path::new("a.rs");
        assert_eq!(check(file, "//! Says what it is.\nuse x;\n"), None);
        for text in ["", "use x;\n//! Too late.\n", "// No docs.\n", "//!\n//! Empty.\n"] {
            assert!(check(file, text).is_some(), "{text:?}");
        }
    }
}
