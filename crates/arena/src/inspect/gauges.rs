//! Gauges: the figures of a census and of each heap in a file that other processes can read, as the program runs.

pub(crate) mod layout;
#[cfg(all(test, loom))]
mod models;
pub(crate) mod sequence;
mod writer;

use core::{
    ffi::CStr,
    ptr::{NonNull, null_mut},
    sync::atomic::{AtomicPtr, Ordering},
};

use stratalloc_core::ProviderError;

use crate::{
    cache::slot,
    inspect::gauges::writer::Writer,
    process::{background, gauges},
};

/// What writes the gauges, or null while nothing does. `Release` in [`start`] pairs with `Acquire` in [`writer`].
static WRITER: AtomicPtr<Writer> = AtomicPtr::new(null_mut());

/// Why there are no gauges.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotStarted {
    /// There are some in another file already.
    #[error("there are gauges already")]
    Started,
    /// The file can't be made, or there is no memory: the system's words.
    #[error("the file can't be made: {0}")]
    System(ProviderError),
}

/// Makes the file, and has it written from now on.
pub(crate) fn start(path: &CStr) -> Result<(), NotStarted> {
    if writer().is_some() {
        return Err(NotStarted::Started);
    }
    let writer = Writer::create(path).map_err(NotStarted::System)?;
    let (new, order) = (writer.as_ptr(), Ordering::Release);
    if WRITER.compare_exchange(null_mut(), new, order, Ordering::Relaxed).is_err() {
        return Err(NotStarted::Started);
    }
    gauges::set(|mark| {
        if let Some(writer) = self::writer() {
            writer.write_if_due(mark);
        }
    });
    update();
    background::wake();
    Ok(())
}

/// Writes a frame now.
pub(crate) fn update() {
    if let Some(writer) = writer() {
        writer.write(slot::mark());
    }
}

fn writer() -> Option<&'static Writer> {
    // SAFETY: `start` stored a writer, which stays for as long as the process.
    NonNull::new(WRITER.load(Ordering::Acquire)).map(|writer| unsafe { writer.as_ref() })
}
