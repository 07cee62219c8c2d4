//! Folded stacks: a line for each, `outermost;…;innermost BYTES`.

use std::collections::BTreeMap;

use crate::{
    model::{Profile, Quantity},
    symbols::Symbols,
};

/// Returns the bytes of a quantity by the functions that lead to them, as flame graphs are made of; traces with the
/// same names are one line. In the order of the alphabet.
pub fn folded(profile: &Profile, symbols: &mut Symbols, quantity: Quantity) -> String {
    let mut lines = BTreeMap::<String, u64>::new();
    for site in &profile.sites {
        let bytes = site.figures(quantity).bytes;
        if bytes > 0 {
            *lines.entry(names(symbols.trace(site))).or_default() += bytes;
        }
    }
    let mut text = String::new();
    for (names, bytes) in lines {
        text.extend([names.as_str(), " ", &bytes.to_string(), "\n"]);
    }
    text
}

/// Returns the names of functions, outermost first.
fn names(trace: Vec<(u64, crate::Frame)>) -> String {
    if trace.is_empty() {
        return "unknown".to_owned();
    }
    let names = trace.into_iter().rev().map(|(_, frame)| frame.function.replace([';', '\n'], ":"));
    names.collect::<Vec<_>>().join(";")
}
