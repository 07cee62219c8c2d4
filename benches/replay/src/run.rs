//! A trace on a contender: whether it completes, whether what it gets is valid, how fast it is.

use std::{
    alloc::{Layout, alloc_zeroed},
    ptr::{NonNull, null_mut},
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use stratalloc_testkit::{Request, Trace};

use crate::contender::{ALIGN, Contender};

/// Memory that all contenders use in turn.
pub(crate) struct Memory {
    start: NonNull<u8>,
    size: usize,
}

impl Memory {
    /// `size` bytes, for as long as the process lives, aligned as a huge page.
    pub(crate) fn new(size: usize) -> Result<Self> {
        let layout = Layout::from_size_align(size.max(1), 2 << 20)?;
        // SAFETY: the layout isn't empty.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) }).context("out of memory")?;
        Ok(Self { start, size })
    }

    pub(crate) fn create<C: Contender>(&self, size: usize) -> Option<Box<C>> {
        // SAFETY: the memory is the one contender's that runs; blocks of the one before are dead.
        unsafe { C::create(self.start, size.min(self.size)) }
    }
}

/// What a run keeps of the blocks of a trace: their addresses and sizes.
type Blocks = Vec<(*mut u8, usize)>;

/// Runs a trace; whether every request was served.
#[inline(never)]
fn replay<C: Contender>(heap: &mut C, trace: &Trace, blocks: &mut Blocks) -> bool {
    replay_with(heap, trace, blocks, |_, _| {})
}

/// Runs a trace, and `visit`s every block that is served; whether every request was.
#[inline(always)]
fn replay_with<C: Contender>(
    heap: &mut C,
    trace: &Trace,
    blocks: &mut Blocks,
    visit: impl Fn(*mut u8, usize),
) -> bool {
    for request in &trace.requests {
        match *request {
            Request::Allocate { id, size } => {
                let block = heap.allocate(size);
                if block.is_null() {
                    return false;
                }
                visit(block, size);
                blocks[id] = (block, size);
            }
            Request::Reallocate { id, size } => {
                let (block, old) = blocks[id];
                // SAFETY: the trace makes sense, so the block is live.
                let block = unsafe { heap.resize(block, old, size) };
                if block.is_null() {
                    return false;
                }
                visit(block, size);
                blocks[id] = (block, size);
            }
            Request::Free { id } => {
                let (block, size) = blocks[id];
                // SAFETY: as above.
                unsafe { heap.free(block, size) };
            }
        }
    }
    true
}

fn blocks_of(trace: &Trace) -> Blocks {
    vec![(null_mut(), 0); trace.ids]
}

/// Peak payload over the smallest heap in which the trace completes, to 64 bytes; none if three
/// times the payload doesn't do.
pub(crate) fn utilisation<C: Contender>(trace: &Trace, memory: &Memory) -> Option<f64> {
    const STEP: usize = 64;
    let mut blocks = blocks_of(trace);
    let mut completes = |steps: usize| {
        memory
            .create::<C>(steps * STEP)
            .is_some_and(|mut heap| replay(&mut *heap, trace, &mut blocks))
    };
    let peak = trace.peak_payload();
    let (mut low, mut high) = (peak / STEP, peak * 3 / STEP + 256);
    if !completes(high) {
        return None;
    }
    while low + 1 < high {
        let middle = low.midpoint(high);
        if completes(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(peak as f64 / (high * STEP) as f64)
}

/// Bytes of a page, of which the high-water mark counts those that were written to.
const PAGE: usize = 4096;

/// Writes to every page of a block.
fn touch(block: *mut u8, size: usize) {
    for at in (0..size).step_by(PAGE).chain([size - 1]) {
        // SAFETY: the block is live and has `size` bytes.
        unsafe { block.add(at).write(0) };
    }
}

/// Peak payload over the bytes of all pages that the heap or its user ever wrote to, of three times
/// the payload.
pub(crate) fn high_water<C: Contender>(trace: &Trace, memory: &Memory) -> Option<f64> {
    const UNTOUCHED: u8 = 0xA5;
    let size = (trace.peak_payload() * 3).next_multiple_of(PAGE);
    // SAFETY: the memory is the one contender's that runs, and as long: `Memory::new` was asked for
    // what is ample for the largest trace.
    unsafe { memory.start.write_bytes(UNTOUCHED, size) };
    let mut heap = memory.create::<C>(size)?;
    if !replay_with(&mut *heap, trace, &mut blocks_of(trace), touch) {
        return None;
    }
    drop(heap);
    // SAFETY: as above; the heap is gone.
    let bytes = unsafe { std::slice::from_raw_parts(memory.start.as_ptr(), size) };
    let touched = bytes.chunks(PAGE).filter(|page| page.iter().any(|&byte| byte != UNTOUCHED));
    Some(trace.peak_payload() as f64 / (touched.count() * PAGE) as f64)
}

/// Bytes that are ample for a trace.
pub(crate) fn ample(trace: &Trace) -> usize {
    trace.peak_payload() * 3 + (4 << 20)
}

/// Million requests a second, the best of enough runs to last a hundredth of a second.
pub(crate) fn speed<C: Contender>(trace: &Trace, memory: &Memory) -> Option<f64> {
    let mut blocks = blocks_of(trace);
    let mut best = f64::INFINITY;
    for _ in 0..=200_000 / trace.requests.len().max(1) {
        let mut heap = memory.create::<C>(ample(trace))?;
        let start = Instant::now();
        if !replay(&mut *heap, trace, &mut blocks) {
            return None;
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    Some(trace.requests.len() as f64 / best / 1e6)
}

/// The byte that a block of an id holds at an offset.
fn mark(id: usize, at: usize) -> u8 {
    (id * 31 + at) as u8
}

/// A block with its id's marks.
fn checked(block: *mut u8, size: usize, id: usize, align: usize) -> Result<(*mut u8, usize)> {
    ensure!(!block.is_null(), "no memory for id {id}");
    ensure!(block.addr().is_multiple_of(align), "id {id} isn't aligned");
    for at in 0..size {
        // SAFETY: the block is live and has `size` bytes.
        unsafe { block.add(at).write(mark(id, at)) };
    }
    Ok((block, size))
}

fn verify((block, size): (*mut u8, usize), id: usize) -> Result<()> {
    // SAFETY: the block is live and has `size` bytes.
    let bytes = unsafe { std::slice::from_raw_parts(block, size) };
    match (0..size).find(|&at| bytes[at] != mark(id, at)) {
        Some(at) => bail!("id {id} was overwritten at byte {at}"),
        None => Ok(()),
    }
}

/// Runs a trace and verifies it: alignment, and contents, which finds overlap and realloc's faults.
pub(crate) fn check<C: Contender>(trace: &Trace, memory: &Memory, align: usize) -> Result<()> {
    let mut heap = memory.create::<C>(ample(trace)).context("no heap")?;
    let mut blocks = blocks_of(trace);
    for request in &trace.requests {
        match *request {
            Request::Allocate { id, size } => {
                blocks[id] = checked(heap.allocate(size), size, id, align.min(ALIGN))?;
            }
            Request::Reallocate { id, size } => {
                let (block, old) = blocks[id];
                verify((block, old), id)?;
                // SAFETY: the trace makes sense, so the block is live.
                let block = unsafe { heap.resize(block, old, size) };
                ensure!(!block.is_null(), "no memory for id {id}");
                verify((block, old.min(size)), id)?;
                blocks[id] = checked(block, size, id, align.min(ALIGN))?;
            }
            Request::Free { id } => {
                verify(blocks[id], id)?;
                // SAFETY: as above.
                unsafe { heap.free(blocks[id].0, blocks[id].1) };
            }
        }
    }
    Ok(())
}

/// Runs the first requests of a trace, up to its peak of payload.
pub(crate) fn to_peak<C: Contender>(trace: &Trace, memory: &Memory, size: usize) -> Result<Box<C>> {
    let mut heap = memory.create::<C>(size).context("too little memory for a heap")?;
    let head = Trace { requests: trace.requests[..peak_at(trace)].to_vec(), ..trace.clone() };
    ensure!(replay(&mut *heap, &head, &mut blocks_of(trace)), "too little memory for the trace");
    Ok(heap)
}

/// How many requests it takes to the peak of payload.
fn peak_at(trace: &Trace) -> usize {
    let mut sizes = vec![0; trace.ids];
    let (mut payload, mut peak, mut at) = (0, 0, 0);
    for (index, request) in trace.requests.iter().enumerate() {
        let (id, size) = match *request {
            Request::Allocate { id, size } | Request::Reallocate { id, size } => (id, size),
            Request::Free { id } => (id, 0),
        };
        payload = payload + size - std::mem::replace(&mut sizes[id], size);
        if payload > peak {
            (peak, at) = (payload, index + 1);
        }
    }
    at
}
