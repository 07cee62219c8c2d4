//! A path that docs name exists: the target of a link, and a code span that begins with an entry of
//! the workspace's top level.

use std::path::{Path, PathBuf};

/// What the Markdown `text` of `file` names under `root` that isn't there.
pub(super) fn check(root: &Path, file: &Path, text: &str) -> Vec<String> {
    let folder = root.join(file).parent().map(Path::to_owned).unwrap_or_default();
    let links = links(text).map(|target| (target, folder.join(target)));
    let spans = spans(text).filter_map(|span| Some((span, in_workspace(root, span)?)));
    links
        .chain(spans)
        .filter(|(_, path)| !path.exists())
        .map(|(named, _)| format!("{} names {named}, which is not there", file.display()))
        .collect()
}

/// The targets of links to files, without their anchors.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?.split('#').next()?;
        (!target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
            .then_some(target)
    })
}

/// The words in backquotes, outside of fenced blocks.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("\n```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2))
}

/// The path that a code span means, if it is one: it has several parts, the first of which is at
/// the top of the workspace. A pattern, or a command, is none.
fn in_workspace(root: &Path, span: &str) -> Option<PathBuf> {
    let pattern = |c: char| c.is_whitespace() || "*{}<>…$".contains(c);
    let (top, _) = span.split_once('/')?;
    let named = !top.is_empty() && !span.contains(pattern) && top != "target";
    // What follows a colon is a line or an item.
    let path = root.join(span.split(':').next()?);
    (named && (root.join(top).exists())).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> usize {
        check(crate::process::root(), Path::new("docs/x.md"), text).len()
    }

    #[test]
    fn what_exists_is_tidy() {
        assert_eq!(findings("See `xtask/src/tidy.rs`, `xtask/src/tidy.rs:12` and `xtask/src`."), 0);
        assert_eq!(
            findings("See [core](../crates/core/src/lib.rs#x), [up](https://x.y/z), [a](#b)."),
            0
        );
    }

    #[test]
    fn what_is_no_path_is_left_alone() {
        assert_eq!(findings("`a/b`, `xtask/*.rs`, `cargo xtask/x y`, `malloc`, `/proc/none`"), 0);
        assert_eq!(findings("text\n```\n`xtask/none`\n```\n"), 0);
    }

    #[test]
    fn what_is_gone_is_found() {
        assert_eq!(findings("See `xtask/src/none.rs`."), 1);
        assert_eq!(findings("See [it](none.md).\n```\nfence\n```\nThen `crates/none`."), 2);
    }
}
