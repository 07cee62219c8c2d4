//! What every allocator of stratalloc is tested with.
//!
//! - [`Suite`]: the conformance suite. Give it a constructor, say what the allocator can do, run it.
//! - [`check_pages`]: the same for a page provider.
//! - [`Watched`]: an allocator under the eyes of a [`Shadow`], for tests of one's own.
//! - [`Faulty`] and [`each_failure`]: a base whose k-th call fails, and that knows what it is owed.
//! - [`System`], [`Slots`] and [`TestPages`]: bases for tests, two allocators and a page provider.
//! - [`Trace`]: allocation traces of real programs, in the `.rep` format.
//! - [`Action`] and [`sizes`]: requests at random, and sizes where allocators tend to break.
//!
//! A breach of the contract is a [`Violation`], so that the kit's own tests can show that each one
//! is found.
//!
//! # Example
//!
//! ```
//! use stratalloc_testkit::{Suite, System};
//! Suite::new(|| System).max_size(1 << 20).max_align(1 << 12).threads().run();
//! ```

mod action;
#[cfg(test)]
mod broken;
mod faulty;
mod page_checks;
mod pattern;
mod shadow;
pub mod sizes;
mod slots;
mod suite;
mod system;
mod test_pages;
mod trace;
mod violation;
mod watched;

pub use action::{Action, Program};
pub use faulty::{Faulty, Plan, each_failure};
pub use page_checks::check_pages;
pub use shadow::{Block, Shadow};
pub use slots::{SLOT, Slots};
pub use suite::{Failure, Suite};
pub use system::System;
pub use test_pages::TestPages;
pub use trace::{Request, Trace, TraceError, TraceErrorKind};
pub use violation::Violation;
pub use watched::{Extensions, Watched};
