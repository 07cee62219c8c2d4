//! Zeroed tables of which a page each is used.

use crate::block::{Block, skewed_size};
use crate::phases::Phases;
use crate::workload::{MemoryWorkload, Size};

const PAGE: usize = 4096;

const fn sparse(
    name: &'static str,
    about: &'static str,
    run: fn(&mut Phases) -> u64,
) -> MemoryWorkload {
    MemoryWorkload { name, about, size: Size::Quick, run }
}

/// Tables of three sizes, in a fresh process and in one that had other work before.
pub const ALL: &[MemoryWorkload] = &[
    sparse("sparse-64k", "2 GiB of zeroed tables of 64 KiB, a page of each touched", |phases| {
        tables(phases, 64 << 10)
    }),
    sparse("sparse-1m", "2 GiB of zeroed tables of 1 MiB, a page of each touched", |phases| {
        tables(phases, 1 << 20)
    }),
    sparse("sparse-2m", "2 GiB of zeroed tables of 2 MiB, a page of each touched", |phases| {
        tables(phases, 2 << 20)
    }),
    sparse("sparse-1m-used", "the same with 1 MiB, after 256 MiB of other work", |phases| {
        let mut rng = phases.plan.rng(1);
        let blocks: Vec<Block> = (0..phases.plan.scaled(512))
            .map(|_| Block::touched(skewed_size(&mut rng, 18..20), 0))
            .collect();
        drop(blocks);
        tables(phases, 1 << 20)
    }),
];

fn tables(phases: &mut Phases, size: usize) -> u64 {
    let count = (phases.plan.scaled(2 << 30) / size).max(1);
    let mut rng = phases.plan.rng(0);
    let mut checksum = 0_u64;
    // The second round has what the first one freed.
    for phase in ["tables", "tables again"] {
        let mut tables = Vec::with_capacity(count);
        for _ in 0..count {
            let mut table = vec![0_u8; size];
            let place = rng.usize(..size / PAGE) * PAGE;
            checksum += u64::from(table[place]) + u64::from(table[place + PAGE - 1]);
            table[place] = rng.u8(1..);
            checksum += u64::from(table[place]);
            tables.push(table);
        }
        phases.end(phase, count * PAGE);
    }
    phases.rest(0, 1, None);
    phases.trim(0);
    checksum
}
