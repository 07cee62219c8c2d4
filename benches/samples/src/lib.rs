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
    /// What it stands for: `bar`, `loop`, `kind`, `seed`, `program` or `memory`.
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
    /// Calls of `madvise`, over all threads; `None` where the kernel doesn't count them for us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub madvise: Option<u64>,
}

/// One run of a workload whose memory was looked at as it went.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct MemoryRun {
    /// Name of the workload.
    pub workload: String,
    /// Name of the allocator.
    pub allocator: String,
    /// Work done, in percent of the standard amount.
    pub scale: usize,
    /// Equal for every allocator at the same workload, scale and seed.
    pub checksum: u64,
    /// What was seen, in order; the first is what the process held before its work.
    pub looks: Vec<Look>,
}

/// What a process held at one moment of a run. Sizes are in KiB.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Look {
    /// What had just ended: a phase of the workload's, a rest, or a trim.
    pub phase: String,
    /// Milliseconds since the run began.
    pub at_ms: u64,
    /// Bytes in use by the workload, in KiB.
    pub live_kib: u64,
    /// Memory resident, all that the process holds.
    pub resident_kib: u64,
    /// How much of that is behind huge pages.
    pub huge_kib: u64,
    /// The kernel's own tables for it.
    pub page_tables_kib: u64,
    /// Ranges that the kernel keeps a description of.
    pub mappings: u64,
    /// Page faults so far that read no disk.
    pub faults: u64,
    /// Calls of `madvise` so far; `None` where the kernel doesn't count them for us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub madvise: Option<u64>,
}
