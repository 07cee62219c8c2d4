//! Mappings in reserve: given up before a request is refused, and there again in the course of time.

#![cfg(not(any(loom, asan, tsan)))]

use std::time::{Duration, Instant};

use stratalloc_arena::{Config, global};

const MIB: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(300);

/// Mappings in reserve: pages without access behind the books of the first area.
fn in_reserve() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let lies_there = |line: &&str| {
        let start = usize::from_str_radix(line.split('-').next().unwrap(), 16).unwrap();
        let offset = start % (64 << 30);
        line.contains("---p") && (255 * MIB..256 * MIB).contains(&offset)
    };
    maps.lines().filter(lies_there).count()
}

fn limit_addresses(bytes: libc::rlim_t) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the limit is read.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
}

/// One test, since the limit is the process's: what was given up before a request was refused is there again once there is room.
#[test]
fn mappings_in_reserve_come_back() {
    let first = global::allocate(1, 8);
    assert!(!first.is_null());
    let there = in_reserve();
    assert!(there > 0);
    limit_addresses(1 << 20);
    let refused = global::allocate(64 * MIB, 8);
    limit_addresses(libc::RLIM_INFINITY);
    assert!(refused.is_null());
    assert_eq!(in_reserve(), 0);
    Config::new().decay(Duration::from_millis(100)).apply().unwrap();
    let start = Instant::now();
    while in_reserve() < there {
        assert!(start.elapsed() < PATIENCE);
        // Large ones come to a slow path each time.
        let block = global::allocate(MIB, 8);
        // SAFETY: just allocated, or null.
        unsafe { global::deallocate(block) };
    }
    // SAFETY: freed once.
    unsafe { global::deallocate(first) };
}
