//! Exact instructions: of a malloc+free pair of each subject, and of each operation of the pool in
//! the state where it takes longest. Counted by single steps of a traced child (Linux, x86-64).
//!
//! With a number, fails if any operation of the pool takes more.

use std::{
    alloc::Layout,
    hint::black_box,
    process::ExitCode,
    ptr::{self, NonNull},
    sync::OnceLock,
};

use stratalloc_core::Allocator;
use stratalloc_embedded_benches::{ALIGN, Subject, for_each_subject, heap, sizes};
use stratalloc_pool::{Bare, Config, Full, Mode, Pool, Spilling, Split};

#[inline(never)]
fn begin() {
    black_box(1);
}

#[inline(never)]
fn end() {
    black_box(2);
}

#[inline(never)]
fn between(operation: &mut dyn FnMut()) {
    begin();
    operation();
    end();
}

/// The instructions from the call of `operation` to its return.
fn count(operation: &mut dyn FnMut()) -> usize {
    static EMPTY: OnceLock<usize> = OnceLock::new();
    steps(operation) - EMPTY.get_or_init(|| steps(&mut || ()))
}

/// The instructions from `begin` to `end` in a child that is stepped through.
fn steps(operation: &mut dyn FnMut()) -> usize {
    // SAFETY: this process has one thread.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: it asks to be traced, and waits for it.
        unsafe {
            libc::ptrace(libc::PTRACE_TRACEME, 0, ptr::null_mut::<u8>(), ptr::null_mut::<u8>());
            libc::raise(libc::SIGSTOP);
        }
        between(operation);
        // SAFETY: nothing is to be cleaned up.
        unsafe { libc::_exit(0) };
    }
    assert!(child > 0, "fork failed");
    step_through(child)
}

fn step_through(child: libc::pid_t) -> usize {
    let (mut status, mut steps, mut counting) = (0, 0, false);
    loop {
        // SAFETY: the status is ours to be written.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
            return steps;
        }
        // SAFETY: the registers are plain numbers.
        let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        // SAFETY: the child is ours, and has stopped.
        unsafe {
            let to = &raw mut registers;
            libc::ptrace(libc::PTRACE_GETREGS, child, ptr::null_mut::<u8>(), to);
        }
        let at = registers.rip as usize;
        counting =
            (counting || at == begin as *const () as usize) && at != end as *const () as usize;
        steps += usize::from(counting);
        // SAFETY: as above.
        unsafe {
            let none = ptr::null_mut::<u8>();
            libc::ptrace(libc::PTRACE_SINGLESTEP, child, none, none);
        }
    }
}

fn pair<S: Subject>(sizes: &[usize], request: usize) {
    let layout = black_box(Layout::from_size_align(request, ALIGN).expect("a small size"));
    let mut subject = S::new(heap(), sizes);
    let live = [subject.allocate(layout), subject.allocate(layout), subject.allocate(layout)];
    // SAFETY: it is live.
    unsafe { subject.deallocate(live[1], layout) };
    let mut block = ptr::null_mut();
    let allocate = count(&mut || block = subject.allocate(layout));
    block = subject.allocate(layout);
    // SAFETY: it is live; the child frees its own copy.
    let free = count(&mut || unsafe { subject.deallocate(block, layout) });
    println!("| {} | {allocate} | {free} | {} |", S::NAME, allocate + free);
}

/// The most instructions that each operation takes in any pool of a heap: see [`TITLES`].
type Worst = [usize; TITLES.len()];

const TITLES: [&str; 7] = [
    "malloc, used before",
    "malloc, for the first time",
    "malloc, null or spilled",
    "free, size known",
    "free, by address",
    "free, refused",
    "new",
];

/// A heap of so many pools of one block each. The largest is beyond the table, and must be searched
/// for.
fn one_block_each(pools: usize) -> Vec<usize> {
    // 248 pools of multiples of 8 are more than the heap holds.
    let step = if pools > 64 { 1 } else { ALIGN };
    let mut sizes: Vec<_> = (1..=pools).map(|pool| pool * step).collect();
    sizes[pools - 1] = (16 * pools + 1) * step;
    sizes
}

fn worst<M: Mode>(pools: usize) -> Worst {
    let sizes = one_block_each(pools);
    let counts = vec![1; pools];
    let align = if pools > 64 { 1 } else { ALIGN };
    let config = Config::new(&sizes).split(Split::Counts(&counts)).align(align);
    let memory = heap();
    let new = {
        let memory = NonNull::from(&mut *memory);
        // SAFETY: the child works on a copy of the heap.
        count(&mut || drop(black_box(Pool::<M>::new(unsafe { &mut *memory.as_ptr() }, &config))))
    };
    let pool = Pool::<M>::new(memory, &config).expect("so many blocks fit");
    let pool = black_box(&pool);
    let layout = |size| Layout::from_size_align(size, align).expect("a small size");
    let most = |operation: &dyn Fn(usize)| {
        let counts = sizes.iter().map(|&size| count(&mut || operation(black_box(size))));
        counts.max().unwrap_or_default()
    };
    let malloc = |size| _ = black_box(pool.malloc(size));
    let first = most(&malloc);
    let blocks: Vec<_> = sizes.iter().map(|&size| pool.malloc(size).expect("it is free")).collect();
    let block_of = |size| blocks[sizes.partition_point(|&smaller| smaller < size)];
    let count_free = |known: bool| {
        let counts = sizes.iter().map(|&size| {
            let (block, layout) = black_box((block_of(size), layout(size)));
            // SAFETY: the child frees its own copy.
            count(&mut || unsafe {
                if known {
                    pool.deallocate(block, layout);
                } else {
                    _ = black_box(pool.free(block));
                }
            })
        });
        counts.max().unwrap_or_default()
    };
    let (known, by_address) = (count_free(true), count_free(false));
    let full = most(&malloc);
    // SAFETY: the block is live, and not used.
    unsafe { pool.free(blocks[pools - 1]) }.expect("it is live");
    let spilled = most(&malloc);
    for &block in &blocks[..pools - 1] {
        // SAFETY: as above.
        unsafe { pool.free(block) }.expect("it is live");
    }
    // A pool that isn't checked takes what it is given.
    let refused = if pool.stats_of(0).is_some_and(|pool| pool.counters.is_some()) {
        count_free(false)
    } else {
        0
    };
    [most(&malloc), first, full.max(spilled), known, by_address, refused, new]
}

fn print_worst(name: &str, worst: impl Fn(usize) -> Worst) -> usize {
    println!(
        "\n| {name}, at most | 1 pool | 8 pools | 64 pools | 248 pools |\n|---|---|---|---|---|"
    );
    let columns = [1, 8, 64, 248].map(worst);
    for (row, title) in TITLES.iter().enumerate() {
        let cells: Vec<_> = columns.iter().map(|column| column[row].to_string()).collect();
        println!("| {title} | {} |", cells.join(" | "));
    }
    // All but the start, which happens once.
    columns.iter().flat_map(|column| &column[..TITLES.len() - 1]).copied().max().unwrap_or_default()
}

fn main() -> ExitCode {
    println!("| allocator, 1 size | malloc | free | pair |\n|---|---|---|---|");
    for_each_subject!(pair(&[64], 64), one_size: true);
    println!("\n| allocator, 64 sizes | malloc | free | pair |\n|---|---|---|---|");
    let sizes = sizes(64);
    for_each_subject!(pair(&sizes, 264), one_size: false);
    let most = print_worst("bare", worst::<Bare>)
        .max(print_worst("checked and counted", worst::<Full>))
        .max(print_worst("the same, spilling", worst::<Spilling<Full>>));
    let limit = std::env::args().nth(1).and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
    if most > limit {
        eprintln!("{most} instructions are more than {limit}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
