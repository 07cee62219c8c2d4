//! The paths that a file of Rust names: its imports, and those written out in its code. Tests are left out.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// The segments of a path, from the crate's root on.
pub(super) type ModulePath = Vec<String>;

/// What a file names.
#[derive(Default)]
pub(super) struct Names {
    /// Paths that it uses, as they stand, each with the module that it stands in.
    pub(super) used: Vec<(ModulePath, Vec<String>)>,
    /// What it hands on from elsewhere: the module that does, the name, and the path behind it.
    pub(super) handed_on: Vec<(ModulePath, String, Vec<String>)>,
    /// Modules that it declares for tests alone.
    pub(super) for_tests: Vec<ModulePath>,
}

impl Names {
    /// What the `text` of the module `module` names.
    pub(super) fn of(module: &ModulePath, text: &str) -> syn::Result<Self> {
        let mut reader = Reader { scope: module.clone(), names: Self::default() };
        reader.visit_file(&syn::parse_file(text)?);
        Ok(reader.names)
    }
}

/// Goes through a file; `scope` is the module whose items it looks at.
struct Reader {
    scope: ModulePath,
    names: Names,
}

impl Reader {
    fn used(&mut self, path: Vec<String>) {
        self.names.used.push((self.scope.clone(), path));
    }

    fn imported(&mut self, tree: &syn::UseTree, mut path: Vec<String>, hands_on: bool) {
        match tree {
            syn::UseTree::Path(inner) => {
                path.push(inner.ident.to_string());
                self.imported(&inner.tree, path, hands_on);
            }
            syn::UseTree::Group(group) => {
                for inner in &group.items {
                    self.imported(inner, path.clone(), hands_on);
                }
            }
            syn::UseTree::Glob(_) => self.used(path),
            syn::UseTree::Name(name) => self.named(path, &name.ident, &name.ident, hands_on),
            syn::UseTree::Rename(name) => self.named(path, &name.ident, &name.rename, hands_on),
        }
    }

    fn named(
        &mut self,
        mut path: Vec<String>,
        name: &syn::Ident,
        alias: &syn::Ident,
        hands_on: bool,
    ) {
        if name != "self" {
            path.push(name.to_string());
        }
        if hands_on {
            self.names.handed_on.push((self.scope.clone(), alias.to_string(), path));
        } else {
            self.used(path);
        }
    }

    /// Paths from the crate's root in what a macro is given.
    fn macro_tokens(&mut self, tokens: TokenStream) {
        let mut path: Option<Vec<String>> = None;
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.macro_tokens(group.stream()),
                TokenTree::Ident(ident) if ident == "crate" => {
                    path = Some(vec!["crate".to_owned()]);
                }
                TokenTree::Ident(ident) => {
                    if let Some(path) = &mut path {
                        path.push(ident.to_string());
                    }
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => continue,
                _ => {}
            }
            if path.as_ref().is_some_and(|path| path.len() > 1) {
                self.used(path.take().unwrap_or_default());
            }
        }
        if let Some(path) = path.filter(|path| path.len() > 1) {
            self.used(path);
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        } else if let syn::Item::Mod(module) = item {
            self.names.for_tests.push([&self.scope[..], &[module.ident.to_string()]].concat());
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.scope.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.scope.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let hands_on = !matches!(item.vis, syn::Visibility::Inherited);
        self.imported(&item.tree, Vec::new(), hands_on);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            self.used(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.macro_tokens(call.tokens.clone());
    }
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Returns whether an item is there for tests alone.
pub(super) fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let text = list.tokens.to_string();
        text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "test")
            && !text.contains("not (test")
            && !text.contains("not(test")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(text: &str) -> Vec<String> {
        let names = Names::of(&vec!["here".to_owned()], text).expect("Rust");
        names.used.into_iter().map(|(_, path)| path.join("::")).collect()
    }

    #[test]
    fn imports_are_spread_out() {
        let names =
            used("use crate::{low::{Lock, mark}, high}; use super::up::*; use self::me as you;");
        assert_eq!(
            names,
            ["crate::low::Lock", "crate::low::mark", "crate::high", "super::up", "self::me"]
        );
    }

    #[test]
    fn written_paths_count_also_in_macros() {
        let names =
            used("fn f(a: crate::low::Lock) { assert_eq!(g(crate::high::call(1)), x::y()); }");
        assert_eq!(names, ["crate::low::Lock", "crate::high::call"]);
    }

    #[test]
    fn tests_are_left_out() {
        assert!(used("#[cfg(all(loom, test))] mod tests { use crate::high::X; }").is_empty());
        assert_eq!(used("#[cfg(not(test))] use crate::high::X;"), ["crate::high::X"]);
        let names =
            Names::of(&vec!["here".to_owned()], "#[cfg(test)] mod tests; mod own;").unwrap();
        assert_eq!(names.for_tests, [["here", "tests"]]);
    }

    #[test]
    fn what_is_handed_on_is_no_use() {
        let names =
            Names::of(&Vec::new(), "pub use low::Lock; pub(crate) use high::{Top as T};").unwrap();
        assert!(names.used.is_empty());
        let handed_on: Vec<_> = names
            .handed_on
            .iter()
            .map(|(_, name, path)| (name.as_str(), path.join("::")))
            .collect();
        assert_eq!(handed_on, [("Lock", "low::Lock".to_owned()), ("T", "high::Top".to_owned())]);
    }
}
