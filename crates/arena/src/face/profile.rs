//! A profile of the heap by samples: which calls hold its memory.
//!
//! While it is on, one block is sampled in so many bytes on average, at random, and the calls that lead to it are noted.
//! From these the bytes and blocks of every call are estimated, with their standard error. While it is off it costs
//! nothing.
//!
//! A thread that runs as it is turned on joins when a stack of its free blocks next has to be filled; new threads join at
//! their start. A sample's free is seen in any thread.
//!
//! See [`Snapshot`] for an example.

use thiserror::Error;

pub use crate::inspect::{Estimate, SiteFigures, Snapshot};
use crate::process::{samples, sampling};

/// The usual number of bytes between samples, as other profilers have it.
pub const INTERVAL: usize = 512 << 10;

/// The system has no memory for a profile.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("there is no memory for a profile")]
pub struct NoMemory;

/// Starts to sample one block in `interval` bytes on average; [`INTERVAL`] is a good choice. Earlier samples stay. If
/// samples are taken already, the interval changes.
///
/// The error of an estimate grows as the square root of the interval: of 100 MiB in small blocks it is 7 % at 512 KiB.
///
/// # Errors
///
/// If there is no memory for it; then nothing changes.
///
/// # Panics
///
/// If the interval is zero.
pub fn start(interval: usize) -> Result<(), NoMemory> {
    assert!(interval != 0, "an interval is one byte or more");
    if sampling::set_interval(interval) { Ok(()) } else { Err(NoMemory) }
}

/// Stops to sample blocks. Frees of earlier samples are still seen.
pub fn stop() {
    sampling::set_interval(0);
}

/// The bytes between samples on average; `None` while none are taken.
pub fn interval() -> Option<usize> {
    match samples::interval() {
        0 => None,
        interval => Some(interval),
    }
}

/// Takes a snapshot of the samples so far.
///
/// O(sites). Threads that take a sample meanwhile wait.
///
/// # Errors
///
/// If there is no memory for it.
pub fn snapshot() -> Result<Snapshot, NoMemory> {
    Snapshot::take().ok_or(NoMemory)
}

/// Calls `act`, which may take a [`snapshot`], from a signal handler: at once, or, where the signal interrupted the thread
/// while it noted a sample, when that is done. If it is asked for again before that, the last one counts.
///
/// What `act` does has to be safe in a signal handler. A snapshot, and [writing](Snapshot::write) it where the writer is,
/// are: they allocate nothing from the heap, and wait for other threads only while these note a sample.
///
/// ```
/// use stratalloc_arena::profile;
///
/// extern "C" fn at_signal(_signal: i32) {
///     profile::soon(|| {
///         let _snapshot = profile::snapshot(); // and written to a file descriptor
///     });
/// }
/// # at_signal(0);
/// ```
pub fn soon(act: fn()) {
    samples::soon(act);
}
