//! A program whose every allocation is the front door's.

#[path = "../../../crates/stratalloc/tests/program.rs"]
mod program;
