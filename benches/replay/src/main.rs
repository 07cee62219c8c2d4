//! Replays allocation traces on free-list heaps: utilisation, speed, validity, maps.
//!
//! `cargo xtask replay`, `heap-map` and `heap-steady` build and run it.

mod contender;
mod map;
mod run;
mod steady;

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use stratalloc_heap::{Bounded, Fit, Granule8, Heap, NoBase, Order, Policy};
use stratalloc_testkit::Trace;

use contender::{Contender, Default, Growing, Rlsf, Talc};
use run::Memory;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Smallest-heap and high-water utilisation in percent, and million requests a second, of each
    /// heap.
    Replay {
        /// `.rep` files.
        #[arg(required = true)]
        traces: Vec<PathBuf>,
        /// Heaps by name; all but the slow ones if none is given.
        #[arg(long, value_delimiter = ',')]
        allocators: Vec<String>,
        /// Only verify alignment and contents.
        #[arg(long)]
        check: bool,
    },
    /// Our heap's speed as blocks are replaced at random among so many live ones.
    Steady {
        /// How many blocks are live, in turn.
        #[arg(default_values_t = [1_000, 10_000, 100_000, 1_000_000, 10_000_000])]
        live: Vec<usize>,
    },
    /// A picture of the heap at a trace's peak.
    Map {
        /// A `.rep` file.
        trace: PathBuf,
        /// Bytes of the heap; a twentieth more than the peak payload if not given.
        #[arg(long)]
        size: Option<usize>,
        /// Writes SVG to this file too.
        #[arg(long)]
        svg: Option<PathBuf>,
    },
}

/// A policy that differs from the default in one constant.
macro_rules! policy {
    ($name:ident, $constant:ident: $type:ty = $value:expr) => {
        struct $name;
        impl Policy for $name {
            const $constant: $type = $value;
        }
    };
}

policy!(FirstFit, FIT: Fit = Fit::First);
policy!(BestFit, FIT: Fit = Fit::Best);
policy!(WorstFit, FIT: Fit = Fit::Worst);
policy!(AddressOrder, ORDER: Order = Order::Address);
policy!(NearEnd, FAR_END_FROM: usize = usize::MAX);
policy!(NoCells, CELLS: bool = false);

/// What is measured of a heap on a trace.
struct Contestant {
    name: &'static str,
    /// Returns whether it runs if nobody asks for it.
    by_default: bool,
    align: usize,
    utilisation: fn(&Trace, &Memory) -> Option<f64>,
    high_water: fn(&Trace, &Memory) -> Option<f64>,
    speed: fn(&Trace, &Memory) -> Option<f64>,
    check: fn(&Trace, &Memory, usize) -> Result<()>,
}

const fn contestant<C: Contender>(name: &'static str, by_default: bool) -> Contestant {
    Contestant {
        name,
        by_default,
        align: 16,
        utilisation: run::utilisation::<C>,
        high_water: run::high_water::<C>,
        speed: run::speed::<C>,
        check: run::check::<C>,
    }
}

const CONTESTANTS: &[Contestant] = &[
    contestant::<Default>("compact", true),
    Contestant { align: 8, ..contestant::<Heap<NoBase, Granule8>>("granule-8", true) },
    contestant::<Heap<NoBase, Bounded>>("bounded", false),
    contestant::<Growing>("growing", false),
    contestant::<Heap<NoBase, FirstFit>>("first-fit", false),
    contestant::<Heap<NoBase, BestFit>>("best-fit", false),
    contestant::<Heap<NoBase, WorstFit>>("worst-fit", false),
    contestant::<Heap<NoBase, AddressOrder>>("address-order", false),
    contestant::<Heap<NoBase, NearEnd>>("near-end", false),
    contestant::<Heap<NoBase, NoCells>>("no-cells", false),
    contestant::<dlmalloc::Dlmalloc<contender::Region>>("dlmalloc", true),
    contestant::<Rlsf>("rlsf", true),
    contestant::<Talc>("talc", true),
    contestant::<good_memory_allocator::Allocator>("good_memory_allocator", false),
    contestant::<buddy_system_allocator::Heap<32>>("buddy_system_allocator", false),
    contestant::<linked_list_allocator::Heap>("linked_list_allocator", false),
];

fn read(path: &PathBuf) -> Result<(String, Trace)> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let trace = text.parse().with_context(|| path.display().to_string())?;
    let name = path.file_stem().unwrap_or(path.as_os_str());
    Ok((name.to_string_lossy().into_owned(), trace))
}

fn replay(traces: &[PathBuf], names: &[String], only_check: bool) -> Result<()> {
    let traces = traces.iter().map(read).collect::<Result<Vec<_>>>()?;
    let chosen = choose(names)?;
    let memory = Memory::new(traces.iter().map(|(_, it)| run::ample(it)).max().unwrap_or(0))?;
    for (name, trace) in &traces {
        for it in &chosen {
            (it.check)(trace, &memory, it.align)
                .with_context(|| format!("{} on {name}", it.name))?;
        }
    }
    if only_check {
        println!("{} traces are valid on {} heaps", traces.len(), chosen.len());
        return Ok(());
    }
    println!("smallest-heap utilisation, percent");
    table(&traces, &chosen, mean, |it, trace| (it.utilisation)(trace, &memory).map(|u| u * 100.0));
    println!("\nhigh-water utilisation in three times the payload, percent");
    table(&traces, &chosen, mean, |it, trace| (it.high_water)(trace, &memory).map(|u| u * 100.0));
    println!("\nmillion requests a second");
    let mut speeds = speeds(&traces, &chosen, &memory).into_iter();
    table(&traces, &chosen, geomean, |_, _| speeds.next().flatten());
    Ok(())
}

/// The best of some rounds of each heap on each trace, in the table's order: the heaps take turns, so
/// that a busy moment of the machine hits all.
fn speeds(traces: &[(String, Trace)], chosen: &[&Contestant], memory: &Memory) -> Vec<Option<f64>> {
    const ROUNDS: usize = 5;
    let mut speeds = Vec::new();
    for (_, trace) in traces {
        let mut best = vec![None::<f64>; chosen.len()];
        for _ in 0..ROUNDS {
            for (best, it) in best.iter_mut().zip(chosen) {
                let speed = (it.speed)(trace, memory);
                *best = speed.map(|speed| best.map_or(speed, |best| best.max(speed)));
            }
        }
        speeds.extend(best);
    }
    speeds
}

fn choose(names: &[String]) -> Result<Vec<&'static Contestant>> {
    for name in names {
        ensure!(CONTESTANTS.iter().any(|it| it.name == name), "no heap is called {name}");
    }
    let is_chosen = |it: &&Contestant| match names {
        [] => it.by_default,
        names => names.iter().any(|name| name == it.name),
    };
    Ok(CONTESTANTS.iter().filter(is_chosen).collect())
}

fn table(
    traces: &[(String, Trace)],
    chosen: &[&Contestant],
    total: fn(&[f64]) -> f64,
    mut measure: impl FnMut(&Contestant, &Trace) -> Option<f64>,
) {
    let names: Vec<_> = chosen.iter().map(|it| it.name).collect();
    println!("| trace | {} |\n|---|{}", names.join(" | "), "---|".repeat(chosen.len()));
    let mut columns = vec![Vec::new(); chosen.len()];
    for (name, trace) in traces {
        print!("| {name} |");
        for (column, it) in columns.iter_mut().zip(chosen) {
            let value = measure(it, trace);
            column.extend(value);
            print!(" {} |", value.map_or("–".into(), |value| format!("{value:.1}")));
        }
        println!();
    }
    let totals: Vec<_> = columns.iter().map(|it| format!("**{:.1}**", total(it))).collect();
    println!("| **all** | {} |", totals.join(" | "));
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn geomean(values: &[f64]) -> f64 {
    (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp()
}

fn map(path: &PathBuf, size: Option<usize>, svg: Option<PathBuf>) -> Result<()> {
    let (_, trace) = read(path)?;
    let size = size.unwrap_or(trace.peak_payload() / 20 * 21 + 4096);
    let memory = Memory::new(size)?;
    let mut heap: Box<Default> = run::to_peak(&trace, &memory, size)?;
    print!("{}", map::text(&mut heap));
    let snapshot = heap.snapshot();
    let payload = trace.peak_payload();
    println!("{snapshot:#?}");
    println!("utilisation {:.4}", snapshot.utilisation(payload));
    println!("internal fragmentation {:.4}", snapshot.internal_fragmentation(payload));
    println!("external fragmentation {:.4}", snapshot.external_fragmentation());
    if let Some(path) = svg {
        fs::write(&path, map::svg(&mut heap)).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Replay { traces, allocators, check } => replay(&traces, &allocators, check),
        Command::Steady { live } => live.into_iter().try_for_each(|count| {
            println!("{count:>10} live: {:6.1} million requests a second", steady::speed(count)?);
            Ok(())
        }),
        Command::Map { trace, size, svg } => map(&trace, size, svg),
    }
}
