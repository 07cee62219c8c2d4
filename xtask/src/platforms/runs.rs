//! What is run of each target. To add something, add it to the list.

use anyhow::Result;

use super::{
    checks, cortex,
    emulated::{Emulated, Machine},
    emulator::Emulator,
    library::Library,
    musl, node,
    suite::Suite,
    wine,
};

/// Something that runs on a target.
pub(super) struct Run {
    pub(super) target: &'static str,
    /// Whether CI runs it.
    pub(super) quick: bool,
    how: How,
}

/// How something runs.
enum How {
    /// Test programs, under an emulator.
    Emulated(Emulated),
    /// A program that is its own harness; a row of the table.
    Alone(fn(&str, &mut Vec<String>) -> Result<()>),
}

impl Run {
    /// Builds for the target and runs all; a row of the table for each machine.
    pub(super) fn run(&self, rows: &mut Vec<String>) -> Result<()> {
        match &self.how {
            How::Emulated(emulated) => emulated.run(self.target, rows),
            How::Alone(run) => run(self.target, rows),
        }
    }
}

pub(super) const RUNS: [Run; 6] = [AARCH64, RISCV, MUSL, WINDOWS, WASM, CORTEX];

const MUSL: Run =
    Run { target: "x86_64-unknown-linux-musl", quick: false, how: How::Alone(musl::run) };

const CORTEX: Run =
    Run { target: "thumbv7em-none-eabihf", quick: false, how: How::Alone(cortex::run) };

const WASM: Run =
    Run { target: "wasm32-unknown-unknown", quick: false, how: How::Alone(node::run) };

const AARCH64: Run = Run {
    target: "aarch64-unknown-linux-gnu",
    quick: false,
    how: How::Emulated(aarch64(&[
        Machine { name: "pages of 4 KiB", arguments: &["-p", "4096"], suites: &ARENAS },
        Machine { name: "pages of 64 KiB", arguments: &["-p", "65536"], suites: &ARENAS },
        Machine {
            name: "39 bits of address",
            arguments: &["-R", "0x8000000000"],
            suites: &PROGRAMS,
        },
    ])),
};

const RISCV: Run = Run {
    target: "riscv64gc-unknown-linux-gnu",
    quick: false,
    how: How::Emulated(Emulated {
        library: Library::Built("std,panic_unwind", ""),
        linker: ("riscv64-linux-gnu-gcc", &["gcc-riscv64-linux-gnu", "libc6-dev-riscv64-cross"]),
        emulator: Emulator::Qemu { program: "qemu-riscv64", root: "/usr/riscv64-linux-gnu" },
        machines: &[
            Machine { name: "pages of 4 KiB", arguments: &[], suites: &ARENAS },
            Machine {
                name: "38 bits of address",
                arguments: &["-R", "0x4000000000"],
                suites: &PROGRAMS,
            },
        ],
    }),
};

const WINDOWS: Run = Run {
    target: "x86_64-pc-windows-gnu",
    quick: false,
    how: How::Emulated(Emulated {
        library: Library::Built("std,panic_unwind", ""),
        linker: (wine::COMPILER, &["gcc-mingw-w64-x86-64"]),
        emulator: Emulator::Wine,
        machines: &[Machine { name: "pages of 4 KiB", arguments: &[], suites: &HEAP }],
    }),
};

const fn aarch64(machines: &'static [Machine]) -> Emulated {
    Emulated {
        library: Library::Packaged("arm64"),
        linker: ("aarch64-linux-gnu-gcc", &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"]),
        emulator: Emulator::Qemu { program: "qemu-aarch64", root: "/usr/aarch64-linux-gnu" },
        machines,
    }
}

const CONFORMANCE: Suite = Suite::new(checks::ABOUT, "platforms", "conformance", &[]);
const PROGRAM: Suite = Suite::new("a program on the front door", "platforms", "program", &[]);
const SYSTEM: Suite = Suite::new(
    "the tests of the system calls and of the lock",
    "pages",
    "stratalloc_pages",
    &["os::", "mmap::", "kernel::", "lock::"],
);
const UNITS: Suite = Suite::new("the arenas' unit tests", "arena", "stratalloc_arena", &[]);
const THREADS: Suite = Suite::new("the arenas' threads", "arena", "global", &["threads_"]);

const RANDOM: Suite =
    Suite::new("random programs on arena heaps", "arena", "arena_heap", &["--skip=fork"]);

const HEAP: [Suite; 3] = [CONFORMANCE, PROGRAM, SYSTEM];
const PROGRAMS: [Suite; 3] = [CONFORMANCE, PROGRAM, THREADS];
const ARENAS: [Suite; 6] = [CONFORMANCE, PROGRAM, SYSTEM, UNITS, RANDOM, THREADS];
