//! Blocks that other threads free, and backlogs that are worked off: what stays when all is done.

use std::thread;

use crossbeam_channel::unbounded;
use fastrand::Rng;

use crate::block::{Block, skewed_size};
use crate::phases::Phases;
use crate::workload::{MemoryWorkload, Size};

/// A burst, a backlog that grows and goes, and very many blocks freed in random order.
pub const ALL: &[MemoryWorkload] = &[
    MemoryWorkload {
        name: "handover-burst",
        about: "1 GiB in small blocks, freed by another thread",
        size: Size::Quick,
        run: burst,
    },
    MemoryWorkload {
        name: "handover-backlog",
        about: "a producer runs 256 MB ahead of its consumer, who catches up, four times",
        size: Size::Quick,
        run: backlog,
    },
    MemoryWorkload {
        name: "freed-at-random",
        about: "two threads free 8 million blocks of 16 to 200 bytes each in random order",
        size: Size::Long,
        run: scattered,
    },
];

/// As many blocks as have `bytes` in all, and the bytes.
fn blocks(rng: &mut Rng, bytes: usize) -> (Vec<Block>, usize) {
    let (mut blocks, mut live) = (Vec::new(), 0);
    while live < bytes {
        let size = skewed_size(rng, 5..11);
        blocks.push(Block::touched(size, rng.u64(..)));
        live += size;
    }
    (blocks, live)
}

fn sum(blocks: Vec<Block>) -> u64 {
    blocks.into_iter().fold(0, |sum, block| block.tag().wrapping_add(sum))
}

fn burst(phases: &mut Phases) -> u64 {
    let (all, live) = blocks(&mut phases.plan.rng(0), phases.plan.scaled(1 << 30));
    phases.end("filled", live);
    let checksum = thread::spawn(move || sum(all)).join().expect("the other thread panicked");
    phases.end("freed", 0);
    phases.rest(0, 1, None);
    // Whoever made the blocks goes on: now it takes back what the other one freed.
    let (some, live) = blocks(&mut phases.plan.rng(1), 1 << 20);
    phases.end("1 MiB live", live);
    let checksum = checksum.wrapping_add(sum(some));
    phases.trim(0);
    checksum
}

fn backlog(phases: &mut Phases) -> u64 {
    let plan = phases.plan;
    let mut checksum = 0_u64;
    thread::scope(|scope| {
        let (sender, receiver) = unbounded::<Vec<Block>>();
        let (answer, answers) = unbounded();
        scope
            .spawn(move || receiver.iter().for_each(|some| answer.send(sum(some)).expect("heard")));
        for round in 0..4 {
            let all: Vec<Vec<Block>> = (0..256)
                .map(|part| blocks(&mut plan.rng(256 * round + part), plan.scaled(1 << 20)).0)
                .collect();
            phases.worst("ahead", plan.scaled(256 << 20));
            let parts = all.len();
            for some in all {
                sender.send(some).expect("heard");
            }
            checksum = answers.iter().take(parts).fold(checksum, u64::wrapping_add);
        }
        phases.end("caught up", 0);
        phases.rest(0, 5, None);
    });
    phases.trim(0);
    checksum
}

fn scattered(phases: &mut Phases) -> u64 {
    let plan = phases.plan;
    let count = plan.scaled(8_000_000);
    let on_both = |phases: &mut Phases, phase, tables: &mut [Vec<Block>; 2], work: Step| {
        let live = thread::scope(|scope| {
            let running: Vec<_> = tables
                .iter_mut()
                .enumerate()
                .map(|(index, table)| scope.spawn(move || work(table, &mut plan.rng(index), count)))
                .collect();
            running.into_iter().map(|thread| thread.join().expect("a thread panicked")).sum()
        });
        phases.end(phase, live);
    };
    let mut tables = [Vec::new(), Vec::new()];
    on_both(phases, "filled", &mut tables, |table, rng, count| {
        table.extend((0..count).map(|_| Block::new(rng.usize(16..200), rng.u64(..))));
        count * (108 + size_of::<Block>())
    });
    on_both(phases, "shuffled", &mut tables, |table, rng, count| {
        rng.shuffle(table);
        count * (108 + size_of::<Block>())
    });
    let checksum = tables.iter().flatten().fold(0, |sum, block| block.tag().wrapping_add(sum));
    on_both(phases, "half freed", &mut tables, |table, _, count| {
        table.truncate(count / 2);
        count / 2 * 108 + count * size_of::<Block>()
    });
    on_both(phases, "freed", &mut tables, |table, _, _| {
        drop(std::mem::take(table));
        0
    });
    phases.trim(0);
    checksum
}

/// What a thread does with its table of so many blocks; the bytes that live after it.
type Step = fn(&mut Vec<Block>, &mut Rng, usize) -> usize;
