//! Heap profiles of stratalloc, for people: pprof's format and folded stacks, with the names of functions.
//!
//! The allocator samples (`stratalloc::profile`), and writes what it has as text without names, so that it stays
//! light; this reads that text, or takes a profile of its own process, and looks names up in the files that were mapped.
//!
//! ```no_run
//! use stratalloc_profile::{Profile, Quantity, Symbols};
//!
//! let profile = Profile::take()?;
//! let mut symbols = Symbols::new(&profile);
//! stratalloc_profile::write_pprof(&profile, &mut symbols, std::fs::File::create("heap.pb.gz")?)?;
//! let folded = stratalloc_profile::folded(&profile, &mut symbols, Quantity::Live);
//! std::fs::write("heap.folded", folded)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Grafana, Parca, Polar Signals and `go tool pprof` read the first; `inferno-flamegraph`, `flamegraph.pl` and
//! speedscope.app the second.

mod folded;
mod model;
mod parse;
mod pprof;
mod symbols;
mod take;

pub use folded::folded;
pub use model::{Figures, Mapping, Profile, Quantity, Site};
pub use parse::ParseError;
pub use pprof::write_pprof;
pub use symbols::{Frame, Symbols};

/// The examples of the README, tested as documentation is.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
