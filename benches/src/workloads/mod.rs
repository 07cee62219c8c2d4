//! Loops and small programs of the kinds that allocators are measured with, one family a file.

pub mod bars;
pub mod batches;
pub mod bignum;
pub mod bursts;
pub mod cliffs;
pub mod false_sharing;
pub mod large;
pub mod logic;
pub mod mixed_exchange;
pub mod pairs;
pub mod producer_consumer;
pub mod replace_handover;
pub mod replace_local;
pub mod retained_exchange;
pub mod seed;
pub mod short_threads;
pub mod strings;
pub mod trees;
pub mod vectors;

use crate::workload::Workload;

/// All of them, in the order of the tables.
pub const ALL: &[&[Workload]] = &[
    bars::ALL,
    pairs::ALL,
    replace_local::ALL,
    replace_handover::ALL,
    producer_consumer::ALL,
    batches::ALL,
    bursts::ALL,
    mixed_exchange::ALL,
    retained_exchange::ALL,
    false_sharing::ALL,
    bignum::ALL,
    logic::ALL,
    trees::ALL,
    strings::ALL,
    vectors::ALL,
    large::ALL,
    short_threads::ALL,
    cliffs::ALL,
    seed::ALL,
];
