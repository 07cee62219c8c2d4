//! `cargo xtask tune TRACE`: the pool configuration that serves a trace in the smallest heap.

use std::{alloc::Layout, fs, mem::MaybeUninit, path::PathBuf, ptr::NonNull};

use anyhow::{Context, Result, bail};
use comfy_table::{Table, presets::ASCII_MARKDOWN};
use stratalloc_pool::{Full, Mode, Pool, Tuned, Wide};
use stratalloc_testkit::{Request, Trace};

/// More sizes than this are grouped: each pair of them costs a walk over the trace.
const MOST_SIZES: usize = 64;

/// Prints the block sizes and counts that serve a trace in the smallest heap, and what that wastes.
#[derive(clap::Args)]
pub(crate) struct Tune {
    /// A trace in the `.rep` format.
    trace: PathBuf,
    /// The alignment of blocks in bytes; 1 packs them.
    #[arg(long, default_value_t = 8)]
    align: usize,
}

impl Tune {
    pub(crate) fn run(self) -> Result<()> {
        let text =
            fs::read_to_string(&self.trace).with_context(|| self.trace.display().to_string())?;
        let trace: Trace = text.parse()?;
        if !self.align.is_power_of_two() || self.align > stratalloc_pool::MAX_ALIGN {
            bail!("{} is no alignment", self.align);
        }
        let sizes = group(&trace, self.align);
        let peaks = Peaks::of(&trace, &sizes);
        let choose = |first: usize, last: usize| peaks.live(first, last);
        let narrow = Tuned::with::<Full>(&sizes, self.align, choose);
        let narrow = narrow.context("the trace asks for no memory")?;
        if narrow.heap_size::<Full>() <= 65_536 {
            report::<Full>(&trace, &narrow)
        } else {
            let wide = Tuned::with::<Wide<Full>>(&sizes, self.align, choose);
            report::<Wide<Full>>(&trace, &wide.context("the trace asks for no memory")?)
        }
    }
}

/// The block sizes to choose from: all of the trace, or the largest of each of at most so many
/// groups of like sizes.
fn group(trace: &Trace, align: usize) -> Vec<usize> {
    let mut all: Vec<_> = sizes(trace).map(|size| size.next_multiple_of(align)).collect();
    all.sort_unstable();
    all.dedup();
    let mut grouped = all.clone();
    for per_doubling in [64, 32, 16, 8, 4, 2, 1] {
        if grouped.len() <= MOST_SIZES {
            break;
        }
        let class = |size: usize| (size - 1) / (size.next_power_of_two() / 2 / per_doubling).max(1);
        grouped = all
            .chunk_by(|a, b| {
                a.next_power_of_two() == b.next_power_of_two() && class(*a) == class(*b)
            })
            .filter_map(|group| group.last().copied())
            .collect();
    }
    grouped
}

fn sizes(trace: &Trace) -> impl Iterator<Item = usize> {
    let size = |request: &Request| match *request {
        Request::Allocate { size, .. } | Request::Reallocate { size, .. } => Some(size),
        Request::Free { .. } => None,
    };
    trace.requests.iter().filter_map(size).filter(|&size| size > 0)
}

/// For each range of block sizes, how many blocks of it are live at once at most.
struct Peaks {
    live: Vec<u32>,
    sizes: usize,
}

impl Peaks {
    fn of(trace: &Trace, sizes: &[usize]) -> Self {
        let changes = changes(trace, sizes);
        let mut live = vec![0; sizes.len() * sizes.len()];
        for first in 0..sizes.len() {
            for last in first..sizes.len() {
                let (mut now, mut peak) = (0_i64, 0);
                for &(size, change) in &changes {
                    if (first..=last).contains(&size) {
                        now += change;
                        peak = peak.max(now);
                    }
                }
                live[first * sizes.len() + last] = u32::try_from(peak).unwrap_or(u32::MAX);
            }
        }
        Self { live, sizes: sizes.len() }
    }

    fn live(&self, first: usize, last: usize) -> u32 {
        self.live[first * self.sizes + last]
    }
}

/// The index of a block size, and whether one more is live or one less, in the trace's order. A
/// reallocation has both blocks for a moment, as a copy needs them.
fn changes(trace: &Trace, sizes: &[usize]) -> Vec<(usize, i64)> {
    let mut live = vec![None; trace.ids];
    let mut changes = Vec::new();
    for request in &trace.requests {
        let (id, size) = match *request {
            Request::Allocate { id, size } | Request::Reallocate { id, size } => (id, size),
            Request::Free { id } => (id, 0),
        };
        let new = (size > 0).then(|| sizes.partition_point(|&block| block < size));
        changes.extend(new.map(|index| (index, 1)));
        changes.extend(std::mem::replace(&mut live[id], new).map(|index| (index, -1)));
    }
    changes
}

fn report<M: Mode>(trace: &Trace, tuned: &Tuned) -> Result<()> {
    let heap_size = tuned.heap_size::<M>();
    let pages = heap_size.div_ceil(4096);
    let layout = Layout::from_size_align(pages * 4096, 4096)?;
    let mut memory = Memory::new(layout)?;
    let pool = Pool::<M>::new(&mut memory.bytes()[..heap_size], &tuned.config())?;
    let failed = replay(trace, &pool);

    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header(["block size", "blocks", "bytes"]);
    for (size, &count) in tuned.sizes().iter().zip(tuned.counts()) {
        table.add_row([*size, count as usize, size * count as usize]);
    }
    println!("{table}\n");
    let (peak, overhead) = (trace.peak_payload(), pool.overhead());
    println!("heap             {heap_size:>10} bytes");
    println!("peak payload     {peak:>10} bytes, {:.1} %", percent(peak, heap_size));
    println!("state            {overhead:>10} bytes, {:.1} %", percent(overhead, heap_size));
    let waste = heap_size.saturating_sub(peak + overhead);
    println!("unused at peak   {waste:>10} bytes, {:.1} %", percent(waste, heap_size));
    println!("replayed         {:>10} requests, {failed} failed", trace.requests.len());
    println!("\nConfig::new(&{:?})", tuned.sizes());
    println!("    .split(Split::Counts(&{:?}))", tuned.counts());
    println!("    .align({})", tuned.config().align_of_blocks());
    if failed > 0 {
        bail!("the configuration doesn't serve its trace");
    }
    Ok(())
}

fn percent(part: usize, whole: usize) -> f64 {
    part as f64 * 100.0 / whole as f64
}

/// Serves the trace from the pool; how many requests failed.
fn replay<M: Mode>(trace: &Trace, pool: &Pool<'_, M>) -> usize {
    let mut live: Vec<Option<NonNull<u8>>> = vec![None; trace.ids];
    let mut failed = 0;
    for request in &trace.requests {
        let (id, size) = match *request {
            Request::Allocate { id, size } | Request::Reallocate { id, size } => (id, size),
            Request::Free { id } => (id, 0),
        };
        let new = pool.malloc(size);
        failed += usize::from(size > 0 && new.is_none());
        if let Some(old) = std::mem::replace(&mut live[id], new) {
            // SAFETY: the block is live, and forgotten here.
            failed += usize::from(unsafe { pool.free(old) }.is_err());
        }
    }
    failed
}

/// Memory aligned for any configuration.
struct Memory {
    start: NonNull<u8>,
    layout: Layout,
}

impl Memory {
    fn new(layout: Layout) -> Result<Self> {
        // SAFETY: the layout's size isn't zero: the smallest heap has a record.
        let start = NonNull::new(unsafe { std::alloc::alloc(layout) }).context("out of memory")?;
        Ok(Self { start, layout })
    }

    fn bytes(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: the memory is ours, of this size.
        unsafe { std::slice::from_raw_parts_mut(self.start.cast().as_ptr(), self.layout.size()) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout.
        unsafe { std::alloc::dealloc(self.start.as_ptr(), self.layout) };
    }
}
