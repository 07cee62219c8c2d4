//! Children of a process with much memory: what each makes its own by working on.

use std::io::{Read, Result, Write, pipe};

use fastrand::Rng;
use nix::libc::_exit;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

use crate::block::{Block, skewed_size};
use crate::look::private_kib;
use crate::phases::Phases;
use crate::workload::{MemoryWorkload, Size};

/// A server that forks for each request.
pub const ALL: &[MemoryWorkload] = &[MemoryWorkload {
    name: "forks",
    about: "four children of a process with 200 MB, each replaces a tenth of its blocks: their private memory",
    size: Size::Quick,
    run: |phases| fork_all(phases).expect("children can be started"),
}];

const CHILDREN: u64 = 4;

/// Blocks and their sizes.
type Blocks = Vec<(Block, usize)>;

fn fork_all(phases: &mut Phases) -> Result<u64> {
    let (mut rng, bytes) = (phases.plan.rng(0), phases.plan.scaled(200 << 20));
    let (mut blocks, mut live): (Blocks, usize) = (Vec::new(), 0);
    while live < bytes {
        let size = skewed_size(&mut rng, 4..14);
        blocks.push((Block::touched(size, rng.u64(..)), size));
        live += size;
    }
    phases.end("filled", live);
    let mut private = 0;
    for _ in 0..CHILDREN {
        private += child(&mut blocks, &mut rng)?;
    }
    phases.end_apart("in children", CHILDREN as usize * live / 10, private);
    Ok(blocks.iter().fold(1, |sum, (block, _)| block.tag().wrapping_add(sum)))
}

/// What a child holds for itself alone, in KiB, after it has replaced a tenth of the blocks.
fn child(blocks: &mut Blocks, rng: &mut Rng) -> Result<u64> {
    let (mut reader, mut writer) = pipe()?;
    // SAFETY: this process has one thread, so the child lacks none, and no lock is held.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            drop(writer);
            let mut private = [0; size_of::<u64>()];
            reader.read_exact(&mut private)?;
            waitpid(child, None)?;
            Ok(u64::from_ne_bytes(private))
        }
        ForkResult::Child => {
            for _ in 0..blocks.len() / 10 {
                let index = rng.usize(..blocks.len());
                blocks[index].0 = Block::touched(blocks[index].1, rng.u64(..));
            }
            let told = private_kib().and_then(|private| writer.write_all(&private.to_ne_bytes()));
            // SAFETY: it ends the child at once; nothing of the parent's is flushed or dropped twice.
            unsafe { _exit(i32::from(told.is_err())) }
        }
    }
}
