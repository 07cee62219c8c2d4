//! `cargo xtask wasm`: the front door in WebAssembly beside other allocators, by code size and speed.

mod build;
mod page;
mod times;

use std::fs;

use anyhow::{Context, Result};

use crate::{marks, nostd, process};
use build::{Module, Optimized};
use times::Times;

/// Builds small programs for WebAssembly with our allocator and with others, and compares code size and speed in node.
#[derive(clap::Args)]
pub(crate) struct Wasm {
    /// Write the tables into their page; without this, they are only printed.
    #[arg(long)]
    write: bool,
    /// How often each workload runs with each allocator; what is shown is the median.
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Only code size.
    #[arg(long, conflicts_with = "write")]
    sizes: bool,
    /// Only these allocators, by their names in the table.
    #[arg(conflicts_with = "write")]
    allocators: Vec<String>,
}

/// The features of the programs' package, each an allocator; ours is the first.
const ALLOCATORS: [&str; 7] =
    ["stratalloc", "talc", "dlmalloc", "rlsf", "rlsf-small", "wee_alloc", "lol_alloc"];

/// What isn't timed: they go over lists of free blocks in each call, which takes minutes here.
const UNTIMED: [&str; 2] = ["wee_alloc", "lol_alloc"];

impl Wasm {
    pub(crate) fn run(self) -> Result<()> {
        nostd::need_sources()?;
        let node = process::need("node", "nodejs")?;
        let allocators = self.allocators()?;
        let sizes = sizes(&allocators)?;
        println!("{sizes}");
        if self.sizes {
            return Ok(());
        }
        let timed: Vec<_> = allocators.into_iter().filter(|it| !UNTIMED.contains(it)).collect();
        let modules = timed
            .iter()
            .map(|name| Ok((*name, build::build(Module::Workloads, Optimized::ForSpeed, name)?)))
            .collect::<Result<Vec<_>>>()?;
        let times = Times::measure(&node, self.rounds, &modules)?;
        let speed = page::speed(&timed, &times)?;
        println!("{speed}");
        if self.write { write(&node, self.rounds, &sizes, &speed) } else { Ok(()) }
    }

    fn allocators(&self) -> Result<Vec<&'static str>> {
        if self.allocators.is_empty() {
            return Ok(ALLOCATORS.to_vec());
        }
        let known = |name: &String| {
            let found = ALLOCATORS.into_iter().find(|known| known == name);
            found.with_context(|| format!("no allocator `{name}`: {}", ALLOCATORS.join(", ")))
        };
        self.allocators.iter().map(known).collect()
    }
}

/// The table of what each allocator adds to a small program.
fn sizes(allocators: &[&'static str]) -> Result<String> {
    let size = |optimized, name: &str| -> Result<u64> {
        Ok(fs::metadata(build::build(Module::Small, optimized, name)?)?.len())
    };
    let mut rows = Vec::new();
    let least = [size(Optimized::ForSize, "")?, size(Optimized::ForSpeed, "")?];
    for name in allocators {
        rows.push((*name, [size(Optimized::ForSize, name)?, size(Optimized::ForSpeed, name)?]));
    }
    Ok(page::sizes(least, &rows))
}

/// Writes both tables into their page, with what they were measured on.
fn write(node: &std::path::Path, rounds: u32, sizes: &str, speed: &str) -> Result<()> {
    let page = process::root().join("docs/PLATFORMS.md");
    let text = fs::read_to_string(&page)?;
    let text = marks::insert(&text, "wasm sizes", sizes)?;
    let speed = format!("{}\n\n{speed}", page::measured_on(node, rounds)?);
    Ok(fs::write(&page, marks::insert(&text, "wasm speed", &speed)?)?)
}
