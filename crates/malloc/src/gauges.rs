//! Gauges: by the variable `STRATALLOC_GAUGES`, for any program.

use core::ffi::CStr;

use stratalloc_arena::gauges::{self, MAGIC, NotStarted};
use stratalloc_core::ProviderError;

use crate::{path::Path, variable};

// Among the library's constructors. Blocks may have been allocated before it.
stratalloc_pages::at_start!({ start_if_wanted() });

/// Starts gauges if the variable asks for them.
fn start_if_wanted() {
    let Some(text) = variable::setting(c"STRATALLOC_GAUGES", "a path", parse) else { return };
    let mut path = Path::new();
    if path.expand(text, false).is_err() {
        return variable::complain(format_args!("STRATALLOC_GAUGES is not a path; ignored"));
    }
    if let Err(error) = start(path.as_c_str()) {
        variable::complain(format_args!("there are no gauges: {error}"));
    }
}

fn parse(text: &'static [u8]) -> Option<&'static [u8]> {
    (!text.is_empty()).then_some(text)
}

/// Starts gauges in a new file. A gauges file of this name makes room: another process that writes to it goes on, but the
/// name is the new one's.
fn start(path: &CStr) -> Result<(), NotStarted> {
    match gauges::start(path) {
        Err(NotStarted::System(ProviderError::System { errno: libc::EEXIST })) if is_old(path) => {
            // SAFETY: the path is a string of C.
            unsafe { libc::unlink(path.as_ptr()) };
            gauges::start(path)
        }
        started => started,
    }
}

/// Whether a gauges file is there.
fn is_old(path: &CStr) -> bool {
    let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOFOLLOW;
    let mut word = [0; 8];
    // SAFETY: the path is a string of C; what is read goes to the word; the file is closed once, if it was opened.
    unsafe {
        let file = libc::open(path.as_ptr(), flags);
        if file < 0 {
            return false;
        }
        let read = libc::read(file, word.as_mut_ptr().cast(), word.len());
        libc::close(file);
        read == 8 && u64::from_ne_bytes(word) == MAGIC
    }
}
