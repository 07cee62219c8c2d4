//! Conditions that chain `let`, in crates that promise to work with a compiler that knows none.

use std::path::Path;

/// How a statement begins whose condition binds.
const BINDS: [&str; 4] = ["if let ", "while let ", "} else if let ", "else if let "];

/// The lines of a file at which a condition chains `let`. Clippy tells of all else that a `rust-version` lacks.
pub(super) fn check(file: &Path, text: &str) -> Vec<String> {
    let mut binds = false;
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        let begins = BINDS.iter().any(|start| line.starts_with(start));
        let goes_on = line.starts_with("&& ");
        if line.contains("&& let ") || (binds && goes_on) || (begins && line.contains(" && ")) {
            findings.push(format!("{}:{number}: a condition chains `let`", file.display()));
        }
        binds = begins && !line.ends_with('{') || binds && goes_on;
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_found_in_any_order() {
        let found = |text| check(Path::new("a.rs"), text).len();
        assert_eq!(found("if ready\n    && let Some(it) = next()\n{"), 1);
        assert_eq!(found("while let Some(it) = next()\n    && it.ready()\n{"), 1);
        assert_eq!(found("if let Some(it) = next() && it.ready() {"), 1);
        assert_eq!(found("if let Some(it) = next() {\n    a\n        && b\n"), 0);
        assert_eq!(found("if a\n    && b\n{\n    let c = d;"), 0);
    }
}
