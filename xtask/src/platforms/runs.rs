//! What is run of each target. To add something, add it to the list.

use anyhow::Result;

use super::{
    bare,
    emulated::{Emulated, Machine},
    emulator::Emulator,
    here,
    library::Library,
    musl, node,
    suite::Suite,
    wine,
};

/// Something that runs on a target.
pub(super) struct Run {
    pub(super) target: &'static str,
    pub(super) how: How,
}

/// How something runs.
pub(super) enum How {
    /// Test programs, under an emulator.
    Emulated(Emulated),
    /// A program that is its own harness.
    Alone {
        /// Whether CI runs it.
        quick: bool,
        /// What runs it, and the tests in it, in the words of a table.
        by: &'static str,
        tests: &'static str,
        run: fn(&str) -> Result<()>,
    },
}

impl Run {
    /// Builds for the target and runs all, or what CI runs if `quick`.
    pub(super) fn run(&self, quick: bool) -> Result<()> {
        match &self.how {
            How::Emulated(emulated) => emulated.run(self.target, quick),
            How::Alone { quick: is_quick, run, .. } if !quick || *is_quick => run(self.target),
            How::Alone { .. } => Ok(()),
        }
    }

    /// What runs the programs, and the tests in them, for each machine, in the words of a table.
    pub(super) fn played(&self) -> Vec<(String, String)> {
        match &self.how {
            How::Emulated(emulated) => emulated.played(),
            How::Alone { by, tests, .. } => vec![((*by).to_owned(), (*tests).to_owned())],
        }
    }
}

pub(super) const RUNS: [Run; 8] = [HERE, AARCH64, RISCV, MUSL, WINDOWS, WASM, CORTEX, RISCV_32];

const HERE: Run = Run {
    target: "x86_64-unknown-linux-gnu",
    how: How::Alone {
        quick: false,
        by: "this machine; all else by `cargo xtask test`",
        tests: "conformance, program",
        run: here::run,
    },
};

const MUSL: Run = Run {
    target: "x86_64-unknown-linux-musl",
    how: How::Alone {
        quick: false,
        by: "this machine, `musl-gcc`",
        tests: "C suite",
        run: musl::run,
    },
};

const WASM: Run = Run {
    target: "wasm32-unknown-unknown",
    how: How::Alone {
        quick: true,
        by: "`node`, 256 MiB of memory",
        tests: CONFORMANCE.about,
        run: node::run,
    },
};

const CORTEX: Run = Run {
    target: "thumbv7em-none-eabihf",
    how: How::Alone {
        quick: true,
        by: "`qemu-system-arm`, a Cortex-M4, 64 KiB of memory",
        tests: "random requests",
        run: bare::run_cortex,
    },
};

const RISCV_32: Run = Run {
    target: "riscv32imac-unknown-none-elf",
    how: How::Alone {
        quick: false,
        by: "`qemu-system-riscv32`, 64 KiB of memory",
        tests: "random requests",
        run: bare::run_riscv,
    },
};

const AARCH64: Run = Run {
    target: "aarch64-unknown-linux-gnu",
    how: How::Emulated(aarch64(&[
        Machine {
            name: "pages of 4 KiB",
            arguments: &["-p", "4096"],
            suites: &ARENAS,
            quick: &[PROGRAM, THREADS],
        },
        Machine {
            name: "pages of 64 KiB",
            arguments: &["-p", "65536"],
            suites: &ARENAS,
            quick: &[PROGRAM, THREADS],
        },
        Machine {
            name: "39 bits of address",
            arguments: &["-R", "0x8000000000"],
            suites: &PROGRAMS,
            quick: &PROGRAMS,
        },
    ])),
};

const RISCV: Run = Run {
    target: "riscv64gc-unknown-linux-gnu",
    how: How::Emulated(Emulated {
        library: Library::Built("std,panic_unwind", ""),
        linker: ("riscv64-linux-gnu-gcc", &["gcc-riscv64-linux-gnu", "libc6-dev-riscv64-cross"]),
        emulator: Emulator::Qemu { program: "qemu-riscv64", root: "/usr/riscv64-linux-gnu" },
        machines: &[
            Machine { name: "pages of 4 KiB", arguments: &[], suites: &ARENAS, quick: &[] },
            Machine {
                name: "38 bits of address",
                arguments: &["-R", "0x4000000000"],
                suites: &PROGRAMS,
                quick: &[],
            },
        ],
    }),
};

const WINDOWS: Run = Run {
    target: "x86_64-pc-windows-gnu",
    how: How::Emulated(Emulated {
        library: Library::Built("std,panic_unwind", ""),
        linker: (wine::COMPILER, &["gcc-mingw-w64-x86-64"]),
        emulator: Emulator::Wine,
        machines: &[Machine {
            name: "pages of 4 KiB",
            arguments: &[],
            suites: &HEAP,
            quick: &HEAP,
        }],
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

const CONFORMANCE: Suite = Suite::new("conformance", "platforms", "conformance", &[]);
const PROGRAM: Suite = Suite::new("program", "platforms", "program", &[]);
const SYSTEM: Suite = Suite::new("system", "pages", "stratalloc_pages", &OF_THE_SYSTEM);
/// One of its tests starts itself again, which `qemu` can't.
const BLOCKS: Suite = Suite::new("blocks", "pages", "stratalloc_pages", &["mem_blocks::"]);
const UNITS: Suite = Suite::new("units", "arena", "stratalloc_arena", &[]);
const RANDOM: Suite = Suite::new("random", "arena", "arena_heap", &["--skip=fork"]);
const THREADS: Suite = Suite::new("threads", "arena", "global", &["threads_"]);

const OF_THE_SYSTEM: [&str; 4] = ["os::", "mmap::", "kernel::", "lock::"];

const HEAP: [Suite; 4] = [CONFORMANCE, PROGRAM, SYSTEM, BLOCKS];
const PROGRAMS: [Suite; 3] = [CONFORMANCE, PROGRAM, THREADS];
const ARENAS: [Suite; 6] = [CONFORMANCE, PROGRAM, SYSTEM, UNITS, RANDOM, THREADS];
