//! The huge pages that this process asked for.

/// Whether the system knows of huge pages.
pub(crate) fn knows_them() -> bool {
    std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists()
}

/// Bytes of this process for which huge pages were asked.
pub(crate) fn asked_for() -> usize {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut size = 0;
    let mut asked = 0;
    for line in maps.lines() {
        if let Some(kib) = line.strip_prefix("Size:") {
            size = kib.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10;
        } else if line.starts_with("VmFlags:") && line.split(' ').any(|flag| flag == "hg") {
            asked += size;
        }
    }
    asked
}
