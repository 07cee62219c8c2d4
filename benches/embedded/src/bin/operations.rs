//! Instructions of an operation of each layer, beside those that people use in its place: a Markdown table.
//!
//! Each figure is a run of this program under callgrind, which counts the work in [`counted`] alone, less the
//! same work with an allocator that does nothing.

use std::{
    alloc::Layout,
    env,
    mem::MaybeUninit,
    process::{Command, ExitCode},
};

use stratalloc_embedded_benches::{
    ALIGN, ArenaGlobal, Block, Buddy, ByAddress, Heapless, LinkedList, Llff, LockedBlock,
    MagazineBlock, OurHeap, OurPool, Rlsf, SharedBlock, Subject, System, Talc, Tlsf, heap_of,
};
use stratalloc_pool::{Bare, Full};

/// What is counted, by callgrind's `--toggle-collect`: a call of any function here, each called once.
mod counted {
    use std::{alloc::Layout, hint::black_box};

    use stratalloc_embedded_benches::Subject;

    /// Allocates a block for each request, and frees it at once.
    #[inline(never)]
    pub(super) fn pairs<S: Subject>(subject: &mut S, requests: &[Layout]) {
        for &request in requests {
            let block = subject.allocate(black_box(request));
            // SAFETY: the block is ours, and not used after it is freed.
            unsafe {
                block.write_volatile(1);
                subject.deallocate(black_box(block), black_box(request));
            }
        }
    }

    /// Frees the block at each place in turn, and allocates another of its size: a row of them at a time.
    #[inline(never)]
    pub(super) fn rows<S: Subject>(
        subject: &mut S,
        live: &mut [(*mut u8, Layout)],
        order: &[usize],
        row: usize,
    ) {
        for places in order.chunks(row) {
            for &place in places {
                let (block, layout) = live[place];
                // SAFETY: the block is live, and replaced below.
                unsafe { subject.deallocate(block, layout) };
            }
            for &place in places {
                let block = subject.allocate(black_box(live[place].1));
                // SAFETY: the block is ours.
                unsafe { block.write_volatile(1) };
                live[place].0 = block;
            }
        }
    }
}

/// No allocator: what the loops take by themselves.
struct Nothing(&'static mut MaybeUninit<u8>);

impl Subject for Nothing {
    const NAME: &'static str = "nothing";

    fn new(memory: &'static mut [MaybeUninit<u8>], _: &[usize]) -> Self {
        Self(&mut memory[0])
    }

    #[inline]
    fn allocate(&mut self, _: Layout) -> *mut u8 {
        self.0.as_mut_ptr()
    }

    #[inline]
    unsafe fn deallocate(&mut self, _: *mut u8, _: Layout) {}
}

/// Operations that are counted.
const OPERATIONS: usize = 20_000;

/// A source of disorder.
struct Random(u64);

impl Random {
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, ALIGN).expect("a small size")
}

/// Allocates blocks that stay, so that no free gives the heap back to its first state.
fn keep<S: Subject>(subject: &mut S, requests: impl Iterator<Item = Layout>) {
    requests.for_each(|request| assert!(!subject.allocate(request).is_null()));
}

fn random_pairs<S: Subject>(memory: usize, sizes: &[usize], random_size: fn(&mut Random) -> usize) {
    let mut subject = S::new(heap_of(memory), sizes);
    let mut random = Random(88_172_645_463_325_252);
    let requests: Vec<_> = (0..OPERATIONS).map(|_| layout(random_size(&mut random))).collect();
    keep(&mut subject, requests[..8].iter().copied());
    counted::pairs(&mut subject, &requests);
}

fn random_rows<S: Subject>(
    memory: usize,
    count: usize,
    row: usize,
    size: fn(&mut Random) -> usize,
) {
    let mut subject = S::new(heap_of(memory), &[64]);
    let mut random = Random(88_172_645_463_325_252);
    let mut live: Vec<_> = (0..count)
        .map(|_| {
            let layout = layout(size(&mut random));
            (subject.allocate(layout), layout)
        })
        .collect();
    let mut order = Vec::new();
    while order.len() < OPERATIONS {
        let mut places: Vec<_> = (0..count).collect();
        for at in 0..row {
            places.swap(at, at + random.below(count - at));
        }
        order.extend_from_slice(&places[..row]);
    }
    let (warm, order) = order.split_at(OPERATIONS / 2);
    for &place in warm {
        let (block, layout) = live[place];
        // SAFETY: the block is live, and replaced.
        unsafe { subject.deallocate(block, layout) };
        live[place].0 = subject.allocate(layout);
    }
    counted::rows(&mut subject, &mut live, order, row);
}

/// The block sizes of a pool of eight.
const EIGHT: [usize; 8] = [16, 32, 48, 64, 128, 256, 512, 1024];

fn one_size<S: Subject>() {
    random_pairs::<S>(64 << 10, &[64], |_| 64);
}

fn eight_sizes<S: Subject>() {
    random_pairs::<S>(64 << 10, &EIGHT, |random| EIGHT[random.below(8)]);
}

fn small_heap<S: Subject>() {
    random_pairs::<S>(64 << 10, &EIGHT, |random| 1 + random.below(1024));
}

fn larger_heap<S: Subject>() {
    random_pairs::<S>(1 << 20, &EIGHT, |random| 1 + random.below(1024));
}

fn replaced<S: Subject>() {
    random_rows::<S>(1 << 20, 1000, 1, |random| 1 + random.below(1024));
}

fn random_order<S: Subject>() {
    random_rows::<S>(2 << 20, 10_000, 1000, |_| 64);
}

/// A workload on a subject: its name, and what runs it.
type Cell = (&'static str, fn());

/// The subjects of a workload, the first of which does nothing.
macro_rules! cells {
    ($work:ident: $($subject:ty),* $(,)?) => {
        &[(Nothing::NAME, $work::<Nothing>), $((<$subject>::NAME, $work::<$subject>)),*]
    };
}

const ROWS: [(&str, &[Cell]); 6] = [
    (
        "64 bytes, freed at once",
        cells!(one_size: Block, LockedBlock, MagazineBlock, SharedBlock, OurPool<Bare>, OurPool<Full>, OurHeap,
            ArenaGlobal, Heapless, Rlsf, Talc, Tlsf, Llff, LinkedList, Buddy, System),
    ),
    (
        "one of eight sizes from 16 to 1,024 bytes, freed at once, 64 KiB",
        cells!(eight_sizes: OurPool<Bare>, OurPool<Full>, ByAddress<Bare>, ByAddress<Full>, OurHeap,
            ArenaGlobal, Rlsf, Talc, Tlsf, Llff, LinkedList, Buddy, System),
    ),
    (
        "1 to 1,024 bytes, freed at once, 64 KiB",
        cells!(small_heap: OurPool<Bare>, OurPool<Full>, OurHeap, ArenaGlobal, Rlsf, Talc, Tlsf, Llff,
            LinkedList, Buddy, System),
    ),
    (
        "1 to 1,024 bytes, freed at once, 1 MiB",
        cells!(larger_heap: OurHeap, ArenaGlobal, Rlsf, Talc, LinkedList, Buddy, System),
    ),
    (
        "1 to 1,024 bytes, 1,000 live, one at a time replaced at random, 1 MiB",
        cells!(replaced: OurHeap, ArenaGlobal, Rlsf, Talc, LinkedList, Buddy, System),
    ),
    (
        "64 bytes, 10,000 live, 1,000 at a time replaced in random order",
        cells!(random_order: Block, LockedBlock, MagazineBlock, SharedBlock, OurHeap, ArenaGlobal, Rlsf,
            Talc, System),
    ),
];

/// Instructions that callgrind counts in a run of this program for one cell.
fn instructions(row: usize, cell: usize) -> Option<f64> {
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=*counted::*",
        ])
        .arg(env::current_exe().ok()?)
        .args([row.to_string(), cell.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split("Collected : ").nth(1))?;
    output.status.success().then(|| collected.trim().parse().ok()).flatten()
}

fn print(row: usize, of: &str) -> Option<()> {
    let (title, cells) = &ROWS[row];
    let of_loop = instructions(row, 0)?;
    println!("| {title} | instructions |\n|---|--:|");
    for (index, (name, _)) in
        cells.iter().enumerate().skip(1).filter(|(_, cell)| cell.0.contains(of))
    {
        let operations = if title.contains("live") { OPERATIONS / 2 } else { OPERATIONS };
        let each = (instructions(row, index)? - of_loop) / operations as f64;
        println!("| {name} | {each:.0} |");
    }
    println!();
    Some(())
}

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if let [row, cell] = arguments.as_slice() {
        let number = |text: &str| text.parse::<usize>().expect("a number");
        ROWS[number(row)].1[number(cell)].1();
        return ExitCode::SUCCESS;
    }
    let of = arguments.first().map_or("", String::as_str);
    if (0..ROWS.len()).all(|row| print(row, of).is_some()) {
        return ExitCode::SUCCESS;
    }
    eprintln!("callgrind counted nothing");
    ExitCode::FAILURE
}
