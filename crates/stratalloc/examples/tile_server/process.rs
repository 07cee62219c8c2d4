//! What the kernel says of this process.

use std::fs;

/// Figures of a process so far.
pub(crate) struct Costs {
    /// Seconds of processor time, of all threads.
    pub(crate) seconds: f64,
    /// Pages that were given memory.
    pub(crate) faults: u64,
    /// The most MB of memory at once.
    pub(crate) peak: f64,
    /// MB of memory now.
    pub(crate) now: f64,
}

impl Costs {
    /// Reads them.
    ///
    /// # Panics
    ///
    /// Where `/proc` is missing.
    pub(crate) fn read() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
        // Behind the program's name, which may hold anything: minor faults, and two times in hundredths of a second.
        let (_, after) = stat.rsplit_once(") ").expect("as documented");
        let field = |index: usize| -> u64 {
            after.split(' ').nth(index).and_then(|field| field.parse().ok()).expect("as documented")
        };
        Self {
            seconds: (field(11) + field(12)) as f64 / 100.0,
            faults: field(7),
            peak: megabytes("VmHWM:"),
            now: megabytes("VmRSS:"),
        }
    }
}

fn megabytes(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("as documented");
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().expect("as documented");
    kilobytes * 1024.0 / 1e6
}
