//! The error of a walk over the books: a broken invariant.

use thiserror::Error;

/// An invariant that doesn't hold, by its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the invariant [{label}] doesn't hold")]
pub struct Broken {
    label: &'static str,
}

/// Returns an error unless an invariant holds.
pub(crate) fn expect(holds: bool, label: &'static str) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken { label }) }
}
