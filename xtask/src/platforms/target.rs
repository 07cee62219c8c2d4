//! What the front door is built for. To add a target, add it to the list.

/// What Rust is built for, and what the front door makes of it.
pub(super) struct Target {
    pub(super) name: &'static str,
    /// What `Stratalloc::KIND` is there.
    pub(super) kind: &'static str,
    pub(super) system: System,
    /// Whether CI checks that it compiles: one of each system that nothing runs there for.
    pub(super) quick: bool,
    /// What isn't as it is elsewhere, in the words of a table.
    pub(super) limits: &'static str,
}

/// What offers memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    Linux,
    /// macOS, the BSDs.
    Posix,
    Windows,
    WebAssembly,
    None,
}

impl System {
    /// What of Rust's library there is.
    pub(super) fn library(self) -> &'static str {
        if self == Self::None { "core" } else { "std" }
    }

    /// What the front door takes from it, in the words of a table.
    pub(super) fn uses(self) -> &'static str {
        match self {
            Self::Linux => "`mmap`, `madvise`, `futex`, `pthread_atfork`",
            Self::Posix => "`mmap`, `nanosleep`, `pthread_atfork`",
            Self::Windows => "`VirtualAlloc`, `WaitOnAddress`",
            Self::WebAssembly => "`memory.grow`",
            Self::None => "`add_slice`, critical sections",
        }
    }
}

const ONE_LOCK: &str = "one lock for all threads";
const ONE_THREAD: &str = "memory never shrinks; threads only compiled for";
const NOT_RUN: &str = "one lock for all threads; never run";
const GIVEN: &str = "no more memory than it is given";

pub(super) const TARGETS: [Target; 17] = [
    arenas("x86_64-unknown-linux-gnu", "none"),
    arenas("x86_64-unknown-linux-musl", "preloading not tested"),
    arenas("aarch64-unknown-linux-gnu", "forks not tested"),
    arenas("aarch64-unknown-linux-musl", "never run"),
    arenas("riscv64gc-unknown-linux-gnu", "forks not tested"),
    heap("i686-unknown-linux-gnu", System::Linux, false, NOT_RUN),
    heap("armv7-unknown-linux-gnueabihf", System::Linux, false, NOT_RUN),
    heap("aarch64-linux-android", System::Linux, true, NOT_RUN),
    heap("x86_64-pc-windows-msvc", System::Windows, true, NOT_RUN),
    heap("x86_64-pc-windows-gnu", System::Windows, false, ONE_LOCK),
    heap("aarch64-apple-darwin", System::Posix, true, NOT_RUN),
    heap("x86_64-unknown-freebsd", System::Posix, true, NOT_RUN),
    heap("x86_64-unknown-netbsd", System::Posix, false, NOT_RUN),
    heap("wasm32-unknown-unknown", System::WebAssembly, false, ONE_THREAD),
    heap("wasm32-wasip1", System::WebAssembly, false, "memory never shrinks; never run"),
    given("thumbv7em-none-eabihf"),
    given("riscv32imac-unknown-none-elf"),
];

const fn arenas(name: &'static str, limits: &'static str) -> Target {
    Target { name, kind: "Arenas", system: System::Linux, quick: false, limits }
}

const fn heap(name: &'static str, system: System, quick: bool, limits: &'static str) -> Target {
    Target { name, kind: "Heap", system, quick, limits }
}

const fn given(name: &'static str) -> Target {
    Target { name, kind: "Given", system: System::None, quick: false, limits: GIVEN }
}
