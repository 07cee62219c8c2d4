//! The lines of JSON that runners print and records keep.
//!
//! The runners write them and `cargo xtask bench` reads them, so they are a package of their own: xtask
//! is built without any workload.

use serde::{Deserialize, Serialize};

/// A workload as a runner lists it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Entry {
    /// Name of the workload.
    pub workload: String,
    /// What it stands for: `loop`, `kind`, `seed` or `program`.
    pub level: String,
    /// How dear a run is: `quick`, `long` (left out of quick comparisons) or `asked` (only by name).
    pub size: String,
    /// Numbers of threads that it is usually run with.
    pub threads: Vec<usize>,
    /// What it does, in one line.
    pub about: String,
}

/// One run of one workload on one allocator.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Run {
    /// Name of the workload.
    pub workload: String,
    /// Name of the runner, which is that of the allocator.
    pub allocator: String,
    /// Threads that it worked on.
    pub threads: usize,
    /// Work done, in percent of the standard amount.
    pub scale: usize,
    /// Units of work done.
    pub ops: u64,
    /// Equal for every allocator at the same workload, threads, scale and seed.
    pub checksum: u64,
    /// What it cost.
    #[serde(flatten)]
    pub cost: Cost,
}

/// What one run cost.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Cost {
    /// Time from start to end, in nanoseconds.
    pub wall_ns: u64,
    /// Processor time in user mode, in microseconds, over all threads.
    pub user_us: u64,
    /// Processor time in the kernel, in microseconds, over all threads.
    pub sys_us: u64,
    /// Page faults served without reading a disk.
    pub minor_faults: u64,
    /// Most memory ever resident in the process, in KiB, its start included.
    pub peak_rss_kib: u64,
    /// Memory resident after the workload has freed everything, in KiB.
    pub final_rss_kib: u64,
}
