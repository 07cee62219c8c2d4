//! Time, faults and memory as the kernel counts them.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use stratalloc_samples::Cost;

use crate::calls::MadviseCalls;

/// Runs `work` and returns what it cost.
///
/// # Errors
/// When the kernel tells neither usage nor memory: the figures come from `getrusage` and `/proc/self/status`.
pub fn measure<T>(work: impl FnOnce() -> T) -> std::io::Result<(T, Cost)> {
    let mut calls = MadviseCalls::start();
    let before = getrusage(UsageWho::RUSAGE_SELF)?;
    let start = Instant::now();
    let result = work();
    let wall = start.elapsed();
    let after = getrusage(UsageWho::RUSAGE_SELF)?;
    let madvise = calls.as_mut().and_then(MadviseCalls::so_far);
    let status = fs::read_to_string("/proc/self/status")?;
    let cost = Cost {
        // Not `ru_maxrss`: that one is inherited over exec, so a small process would show its parent's peak.
        peak_rss_kib: status_kib(&status, "VmHWM:"),
        final_rss_kib: status_kib(&status, "VmRSS:"),
        madvise,
        ..used(&before, &after, wall)
    };
    Ok((result, cost))
}

/// Runs `work`, which starts other processes and waits for them, and says what those cost; this process must have
/// had no other child. The peak is that of the largest of them.
///
/// # Errors
/// When `work` fails, or the kernel does not tell the usage.
pub fn measure_children<T>(
    work: impl FnOnce() -> std::io::Result<T>,
) -> std::io::Result<(T, Cost)> {
    let mut calls = MadviseCalls::start();
    let before = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let start = Instant::now();
    let result = work()?;
    let wall = start.elapsed();
    let after = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let madvise = calls.as_mut().and_then(MadviseCalls::so_far);
    let peak = u64::try_from(after.max_rss()).unwrap_or(0);
    Ok((result, Cost { peak_rss_kib: peak, madvise, ..used(&before, &after, wall) }))
}

/// What was used between two looks, memory left out.
fn used(before: &Usage, after: &Usage, wall: Duration) -> Cost {
    let between = |of: fn(&Usage) -> i64| u64::try_from(of(after) - of(before)).unwrap_or(0);
    Cost {
        wall_ns: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
        user_us: between(|usage| usage.user_time().num_microseconds()),
        sys_us: between(|usage| usage.system_time().num_microseconds()),
        minor_faults: between(Usage::minor_page_faults),
        ..Cost::default()
    }
}

/// The figure of one line of `/proc/self/status`, 0 when it is missing.
fn status_kib(status: &str, key: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{measure, status_kib};

    #[test]
    fn a_line_of_status_is_found_by_its_key() {
        let status = "VmPeak:\t  999 kB\nVmHWM:\t   1234 kB\n";
        assert_eq!((status_kib(status, "VmHWM:"), status_kib(status, "VmRSS:")), (1234, 0));
    }

    #[test]
    fn touching_memory_shows_in_faults_and_peak() -> std::io::Result<()> {
        let size = 64 << 20;
        let (sum, cost) =
            measure(|| vec![1_u8; size].iter().map(|&byte| usize::from(byte)).sum::<usize>())?;
        assert_eq!(sum, size);
        assert!(
            cost.peak_rss_kib as usize >= size / 1024 && cost.minor_faults > 0 && cost.wall_ns > 0
        );
        Ok(())
    }
}
