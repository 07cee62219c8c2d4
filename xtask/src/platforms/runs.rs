//! What is run of each target. To add something, add it to the list.

use super::{
    emulated::{Emulated, Machine},
    library::Library,
    suite::Suite,
};

/// Something that runs on a target.
pub(super) struct Run {
    pub(super) target: &'static str,
    /// Whether CI runs it.
    pub(super) quick: bool,
    pub(super) how: Emulated,
}

pub(super) const RUNS: [Run; 1] = [Run {
    target: "aarch64-unknown-linux-gnu",
    quick: false,
    how: aarch64(&[
        Machine { name: "pages of 4 KiB", arguments: &["-p", "4096"], suites: &ARENAS },
        Machine { name: "pages of 64 KiB", arguments: &["-p", "65536"], suites: &ARENAS },
        Machine {
            name: "39 bits of address",
            arguments: &["-R", "0x8000000000"],
            suites: &PROGRAMS,
        },
    ]),
}];

const fn aarch64(machines: &'static [Machine]) -> Emulated {
    Emulated {
        library: Library::Packaged("arm64"),
        linker: ("aarch64-linux-gnu-gcc", &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"]),
        emulator: ("qemu-aarch64", "qemu-user"),
        root: "/usr/aarch64-linux-gnu",
        machines,
    }
}

const CONFORMANCE: Suite = Suite::new(
    "the conformance suite on the front door, a heap, blocks and a pool",
    "platforms",
    "conformance",
    &[],
);
const PROGRAM: Suite = Suite::new("a program on the front door", "platforms", "program", &[]);
const SYSTEM: Suite = Suite::new(
    "the tests of the system calls and of the lock",
    "pages",
    "stratalloc_pages",
    &["os::", "mmap::", "kernel::", "lock::"],
);
const UNITS: Suite = Suite::new("the arenas' unit tests", "arena", "stratalloc_arena", &[]);
const THREADS: Suite = Suite::new("the arenas' threads", "arena", "global", &["threads_"]);

const PROGRAMS: [Suite; 3] = [CONFORMANCE, PROGRAM, THREADS];
const ARENAS: [Suite; 5] = [CONFORMANCE, PROGRAM, SYSTEM, UNITS, THREADS];
