//! What a process holds at this moment, as the kernel counts it, looked up without allocating anything.

use std::fs::File;
use std::io::{Read, Result};

use nix::sys::resource::{UsageWho, getrusage};

/// What a process holds. Sizes are in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Held {
    /// Memory resident.
    pub resident_kib: u64,
    /// How much of that is behind huge pages.
    pub huge_kib: u64,
    /// The kernel's own tables for it, the lowest level only.
    pub page_tables_kib: u64,
    /// Ranges that the kernel keeps a description of.
    pub mappings: u64,
    /// Page faults so far that read no disk.
    pub faults: u64,
}

impl Held {
    /// Looks at this process.
    ///
    /// O(mappings and page tables): exact, where the figures of `/proc/self/statm` lag behind by some pages a
    /// thread.
    ///
    /// # Errors
    /// When the kernel doesn't tell.
    pub fn now() -> Result<Self> {
        let mut text = [0; 4096];
        let [resident_kib, huge_kib] =
            fields("/proc/self/smaps_rollup", &mut text, ["Rss:", "AnonHugePages:"])?;
        let [page_tables_kib] = fields("/proc/self/status", &mut text, ["VmPTE:"])?;
        let faults = getrusage(UsageWho::RUSAGE_SELF)?.minor_page_faults();
        Ok(Self {
            resident_kib,
            huge_kib,
            page_tables_kib,
            mappings: lines("/proc/self/maps", &mut text)?,
            faults: u64::try_from(faults).unwrap_or(0),
        })
    }
}

/// What this process has written and shares with no other, in KiB.
///
/// # Errors
/// When the kernel doesn't tell.
pub fn private_kib() -> Result<u64> {
    let [private] = fields("/proc/self/smaps_rollup", &mut [0; 4096], ["Private_Dirty:"])?;
    Ok(private)
}

/// The figures that follow some keys at the beginnings of lines; 0 for one that is missing.
fn fields<const N: usize>(file: &str, text: &mut [u8], keys: [&str; N]) -> Result<[u64; N]> {
    let (mut file, mut length) = (File::open(file)?, 0);
    while length < text.len() {
        match file.read(&mut text[length..])? {
            0 => break,
            read => length += read,
        }
    }
    let text = String::from_utf8_lossy(&text[..length]);
    Ok(keys.map(|key| field(&text, key)))
}

fn field(text: &str, key: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// How many lines a file has.
fn lines(file: &str, text: &mut [u8]) -> Result<u64> {
    let (mut file, mut lines) = (File::open(file)?, 0);
    loop {
        match file.read(text)? {
            0 => return Ok(lines),
            read => lines += text[..read].split(|&byte| byte == b'\n').count() as u64 - 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Held, field};

    #[test]
    fn a_field_is_found_at_the_beginning_of_a_line() {
        let text = "VmRSS:\t 77 kB\nRss:  1234 kB\nAnonHugePages: 2048 kB\n";
        assert_eq!((field(text, "Rss:"), field(text, "AnonHugePages:")), (1234, 2048));
        assert_eq!(field(text, "VmPTE:"), 0);
    }

    #[test]
    fn memory_that_is_touched_shows() -> std::io::Result<()> {
        let before = Held::now()?;
        let touched = std::hint::black_box(vec![1_u8; 64 << 20]);
        let after = Held::now()?;
        assert!(after.resident_kib >= before.resident_kib + (60 << 10), "{before:?} {after:?}");
        assert!(after.faults > before.faults && after.mappings > 5 && after.page_tables_kib > 0);
        drop(touched);
        Ok(())
    }
}
