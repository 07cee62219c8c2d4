//! The memory that the process has, as the page tables have it.

pub(crate) const MIB: usize = 1 << 20;

/// Resident bytes of this process, exact at this moment: the figures of `statm` lag behind by some pages a processor.
pub(crate) fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let kib = text.lines().find_map(|line| line.strip_prefix("Rss:")?.trim().strip_suffix(" kB"));
    kib.unwrap().parse::<usize>().unwrap() << 10
}
