//! Source text parsed into syntax trees (syn).

use std::fmt::Write;

use crate::plan::{Outcome, Plan, hash};
use crate::workload::Workload;

/// The front half of a compiler.
pub const ALL: &[Workload] =
    &[Workload::program("syntax", "parse Rust files of 60 functions and print their trees", run)];

fn run(plan: &Plan) -> Outcome {
    plan.on_pool(60, |rng| {
        let file = syn::parse_file(&source(rng)).expect("the source is valid");
        let functions =
            file.items.iter().map(|item| Outcome::one(hash(format!("{item:?}").as_bytes())));
        functions.sum()
    })
}

fn source(rng: &mut fastrand::Rng) -> String {
    let mut text = String::new();
    for function in 0..60 {
        let (a, b) = (rng.u16(..), rng.u16(1..));
        let _ = writeln!(
            text,
            "/// Item {a}.\npub fn f{function}_{a}<T: Into<u64>>(x: T, y: &[u64]) -> Option<u64> {{
                let mut sum = x.into() * {a} + y.iter().map(|v| v % {b}).sum::<u64>();
                while sum > {b} {{ if sum % 2 == 0 {{ sum /= 2; }} else {{ sum -= {a}; }} }}
                match (sum, y) {{ (0, _) => None, (n, [first, ..]) => Some(n + first), _ => Some({a}) }}
            }}"
        );
    }
    text
}
