//! Workloads that compare allocators, and the runner that times one of them in a process of its own.
//!
//! A workload knows nothing about allocators: it uses `Vec`, `Box` and `String`, and the binary it is
//! linked into (one for each allocator, in `benches/runners`) decides who serves them. `cargo xtask bench`
//! starts those binaries in turn; `benches/README.md` says how, and what to make of the figures.
//!
//! - [`plan`]: what a run is told, what it gives back, and the threads it works on
//! - [`block`]: a heap block that carries a tag, so that a lost or mixed-up block changes the checksum
//! - [`ring`]: threads that pass their blocks on
//! - [`workload`]: what a workload is
//! - [`workloads`] and [`programs`]: the two levels, one file for each, registered in [`registry`]
//! - [`memory`]: programs whose memory is looked at as they run, by [`phases`], [`look`] and [`calls`]
//! - [`measure`]: time, faults and memory as the kernel counts them
//! - [`exec`]: any other program, measured from outside
//! - [`runner`]: the command line of the binaries and the line of JSON that they print

pub mod block;
pub mod calls;
pub mod exec;
pub mod look;
pub mod measure;
pub mod memory;
pub mod phases;
pub mod plan;
pub mod programs;
pub mod registry;
pub mod ring;
pub mod runner;
pub mod workload;
pub mod workloads;

/// Makes the system's malloc give back the memory that it can.
pub fn trim_system() {
    // SAFETY: it may be called at any time, on any thread.
    unsafe {
        nix::libc::malloc_trim(0);
    }
}

/// Makes a file of `benches/runners/src/bin` the runner of one allocator.
///
/// The first form names the allocator by an expression for the `static` and its type; the feature says
/// which build links it, since peers in C and C++ are only built on demand. Without that feature the
/// binary says so and fails. The second form keeps std's own choice, the system's malloc.
///
/// ```ignore
/// //! mimalloc 3.
/// stratalloc_benches::runner!("peers", mimalloc::MiMalloc = mimalloc::MiMalloc);
/// ```
///
/// What makes the allocator give back the memory that it can, for those that have a way to, follows as
/// `trim = FUNCTION`.
#[macro_export]
macro_rules! runner {
    ($feature:literal, $kind:ty = $value:expr $(, trim = $trim:expr)?) => {
        #[cfg(feature = $feature)]
        #[global_allocator]
        static GLOBAL: $kind = $value;

        #[cfg(feature = $feature)]
        fn main() -> ::std::process::ExitCode {
            $crate::runner::main(env!("CARGO_BIN_NAME"), $crate::trim!($($trim)?))
        }

        #[cfg(not(feature = $feature))]
        fn main() -> ::std::process::ExitCode {
            eprintln!("{} needs `--features {}`", env!("CARGO_BIN_NAME"), $feature);
            ::std::process::ExitCode::FAILURE
        }
    };
    ($kind:ty = $value:expr $(, trim = $trim:expr)?) => {
        #[global_allocator]
        static GLOBAL: $kind = $value;

        fn main() -> ::std::process::ExitCode {
            $crate::runner::main(env!("CARGO_BIN_NAME"), $crate::trim!($($trim)?))
        }
    };
}

/// A function that may be missing: a part of [`runner!`].
#[doc(hidden)]
#[macro_export]
macro_rules! trim {
    () => {
        None
    };
    ($trim:expr) => {
        Some($trim)
    };
}
