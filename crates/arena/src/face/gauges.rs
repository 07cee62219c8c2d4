//! Gauges: the figures of a [`Census`](crate::Census) and of each heap, in a file that other processes read while the
//! program runs.
//!
//! Threads write a frame on their slow paths, half a second after the last one at the earliest. What a thread does on its
//! fast paths is seen in the next frame; a program that sleeps writes none, unless it has a thread in the
//! [background](crate::Config::background). Off, gauges cost a slow path two instructions.
//!
//! The file is mapped, of the size and layout of [`Gauges`], readable by the program's user alone. It stays after the
//! program's end. The child of a fork has no gauges. Whoever cuts the file short ends the program.
//!
//! ```
//! use stratalloc_arena::gauges::{self, Gauges};
//!
//! let path = std::env::temp_dir().join(format!("{}.gauges", std::process::id()));
//! let c_path = std::ffi::CString::new(path.to_str().unwrap())?;
//! gauges::start(&c_path)?;
//!
//! // In another process:
//! let bytes = std::fs::read(&path)?;
//! let words: Vec<_> =
//!     bytes.chunks_exact(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap())).collect();
//! let frame = Gauges::from_words(&words)?.newest().unwrap();
//! println!("{} bytes in use of {} touched", frame.in_use, frame.touched);
//! # std::fs::remove_file(path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::ffi::CStr;

use crate::inspect::gauges;
pub use crate::inspect::gauges::{
    NotStarted,
    layout::{
        ClassGauges, Frame, Gauges, HEAPS, HeapGauges, MAGIC, MAP, NotGauges, PartitionGauges,
        VERSION,
    },
};

/// Makes the file, and has it written as long as the process lives.
///
/// # Errors
///
/// If the process has gauges already, or the file can't be made: there must be none of this name.
pub fn start(path: &CStr) -> Result<(), NotStarted> {
    gauges::start(path)
}

/// Writes a frame now, unless another thread is writing one. Nothing if there are no gauges.
///
/// O(arenas and segments in use) of all heaps. A thread that needs the lock of a heap meanwhile waits for that heap's
/// turn.
pub fn update() {
    gauges::update();
}
