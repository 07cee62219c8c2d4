//! `cargo xtask bench --memory`: what programs hold as they run, at the end of each phase and against time.

mod chart;
mod goals;
mod page;
mod phases;
mod run;
mod table;

pub(crate) use page::section;
pub(crate) use run::{check_results, measure, rows};
pub(crate) use table::{markdown, tables};
