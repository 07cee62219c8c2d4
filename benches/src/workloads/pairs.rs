//! Allocate and free in the tightest loops there are: for instruction counts.

use std::hint::black_box;
use std::mem::MaybeUninit;

use crate::plan::{Outcome, Plan};
use crate::workload::{Level, Size, Workload};

const fn workload(name: &'static str, about: &'static str, run: fn(&Plan) -> Outcome) -> Workload {
    Workload { name, level: Level::Loop, about, threads: &[1], size: Size::Quick, run }
}

/// One size at a time, known at compile time.
pub const ALL: &[Workload] = &[
    workload("pair-16", "allocate and free 16 bytes", pair::<16>),
    workload("pair-64", "allocate and free 64 bytes", pair::<64>),
    workload("pair-256", "allocate and free 256 bytes", pair::<256>),
    workload("pair-1024", "allocate and free 1,024 bytes", pair::<1024>),
    workload("row-64", "allocate 100 blocks of 64 bytes, then free them in that order", row::<64>),
    workload(
        "row-1024",
        "allocate 100 blocks of 1,024 bytes, then free them in that order",
        row::<1024>,
    ),
];

type Bytes<const N: usize> = Box<[MaybeUninit<u8>; N]>;

#[expect(clippy::unnecessary_box_returns, reason = "the box is what is measured")]
fn block<const N: usize>(tag: u64) -> Bytes<N> {
    let mut block = Box::new([const { MaybeUninit::uninit() }; N]);
    block[0].write(tag as u8);
    black_box(block)
}

fn pair<const N: usize>(plan: &Plan) -> Outcome {
    let ops = plan.scaled(10_000_000) as u64;
    for op in 0..ops {
        drop(block::<N>(op));
    }
    Outcome { ops, checksum: plan.seed.wrapping_add(ops) }
}

fn row<const N: usize>(plan: &Plan) -> Outcome {
    const ROW: usize = 100;
    let rows = plan.scaled(100_000);
    let mut blocks: Vec<Bytes<N>> = Vec::with_capacity(ROW);
    for _ in 0..rows {
        blocks.extend((0..ROW as u64).map(block));
        blocks.clear();
    }
    let ops = (rows * ROW) as u64;
    Outcome { ops, checksum: plan.seed.wrapping_add(ops) }
}
