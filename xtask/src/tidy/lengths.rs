//! How many lines of code functions have, from `fn` to the closing brace. Comments don't count, so that none is
//! left out for it; nor do tests.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use proc_macro2::Span;
use syn::visit::{self, Visit};

use super::names::is_for_tests;

/// A function, and how long it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Length {
    pub(super) lines: usize,
    pub(super) file: PathBuf,
    pub(super) name: String,
}

/// The length that nine of ten functions have at most.
const MOST: usize = 16;

/// The functions of a file.
pub(super) fn of(file: &Path, text: &str) -> Result<Vec<Length>> {
    let code: Vec<_> = text.lines().map(is_code).collect();
    let mut reader = Reader { file, code, lengths: Vec::new() };
    reader.visit_file(&syn::parse_file(text).with_context(|| file.display().to_string())?);
    Ok(reader.lengths)
}

/// Finds that more than one of ten functions is long.
pub(super) fn check(lengths: &[Length]) -> Option<String> {
    let most = percentile(lengths, 90);
    (most > MOST).then(|| format!("nine of ten functions have up to {most} lines, over {MOST}"))
}

/// The length that so many of a hundred functions have at most; 0 without functions.
pub(super) fn percentile(lengths: &[Length], percent: usize) -> usize {
    let mut lines: Vec<_> = lengths.iter().map(|length| length.lines).collect();
    lines.sort_unstable();
    let rank = (lines.len() * percent).div_ceil(100);
    rank.checked_sub(1).map_or(0, |at| lines[at])
}

/// Returns whether a line has more than a comment.
fn is_code(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with("//")
}

struct Reader<'a> {
    file: &'a Path,
    /// Which lines of the file are code.
    code: Vec<bool>,
    lengths: Vec<Length>,
}

impl Reader<'_> {
    fn function(&mut self, attributes: &[syn::Attribute], signature: &syn::Signature, end: Span) {
        let is_test = attributes.iter().any(|attribute| attribute.path().is_ident("test"));
        if !is_test && !is_for_tests(attributes) {
            // A span's lines are counted from 1.
            let (first, last) = (signature.fn_token.span.start().line - 1, end.end().line);
            let lines = self.code[first..last].iter().filter(|is_code| **is_code).count();
            let name = signature.ident.to_string();
            self.lengths.push(Length { lines, file: self.file.to_owned(), name });
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.attrs, &item.sig, item.block.brace_token.span.close());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.attrs, &item.sig, item.block.brace_token.span.close());
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.attrs, &item.sig, block.brace_token.span.close());
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
struct S;
impl S {
    #[inline]
    fn three(&self) -> u8 {
        // Why it is three.

        3
    }
}
trait T {
    fn none(&self);
    fn one(&self) {}
}
#[cfg(test)]
mod tests {
    fn left_out() {}
}
#[test]
fn left_out() {}
fn five(
    a: u8,
) -> u8 {
    a
}
";

    #[test]
    fn code_is_counted_from_fn_to_brace_but_for_tests() {
        let lengths = of(Path::new("x.rs"), TEXT).expect("Rust");
        let found: Vec<_> =
            lengths.iter().map(|length| (length.name.as_str(), length.lines)).collect();
        assert_eq!(found, [("three", 3), ("one", 1), ("five", 5)]);
    }

    #[test]
    fn one_long_function_of_ten_may_be_and_two_may_not() {
        let many = |long: usize| -> Vec<_> {
            let lines = |at| if at < long { MOST + 1 } else { MOST };
            let length =
                |at| Length { lines: lines(at), file: PathBuf::new(), name: String::new() };
            (0..10).map(length).collect()
        };
        assert_eq!(check(&many(1)), None);
        assert_eq!(
            check(&many(2)).as_deref(),
            Some("nine of ten functions have up to 17 lines, over 16")
        );
        assert_eq!(check(&[]), None);
    }
}
