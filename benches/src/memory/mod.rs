//! Programs whose memory is looked at while they run: caches, tables, threads that end, services that fall asleep.
//! One family a file. What each may hold at most is in the table of goals of `cargo xtask bench --memory`.

pub mod caches;
pub mod filled;
pub mod forks;
pub mod handover;
pub mod idle;
pub mod shifts;
pub mod shrunk;
pub mod sparse;
pub mod survivors;
pub mod threads;

use crate::workload::MemoryWorkload;

/// All of them, in the order of the tables.
pub const ALL: &[&[MemoryWorkload]] = &[
    caches::ALL,
    sparse::ALL,
    filled::ALL,
    shrunk::ALL,
    threads::ALL,
    idle::ALL,
    shifts::ALL,
    handover::ALL,
    survivors::ALL,
    forks::ALL,
];
