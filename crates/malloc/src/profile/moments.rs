//! When a profile is written before the process ends: at a signal, and as the limit first refuses a request.

use core::{
    ffi::{CStr, c_int},
    ptr::null_mut,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

use stratalloc_arena::{limit, profile};

use crate::{errno, profile::file::write_named, variable};

/// The variable that names the signal.
pub(crate) const SIGNAL: &CStr = c"STRATALLOC_PROFILE_SIGNAL";

/// Signals by their names, without `SIG`: those that programs leave to others.
const SIGNALS: [(&[u8], c_int); 6] = [
    (b"USR1", libc::SIGUSR1),
    (b"USR2", libc::SIGUSR2),
    (b"HUP", libc::SIGHUP),
    (b"QUIT", libc::SIGQUIT),
    (b"PROF", libc::SIGPROF),
    (b"WINCH", libc::SIGWINCH),
];

/// How many profiles signals had written. A count, which orders nothing.
static WRITTEN: AtomicU32 = AtomicU32::new(0);
/// Whether the limit has refused a request. A flag, which orders nothing.
static LIMIT_MET: AtomicBool = AtomicBool::new(false);

/// Sees to it that a profile is written at these moments.
pub(super) fn prepare() {
    limit::set_hook(Some(at_limit));
    if let Some(signal) = variable::setting(SIGNAL, "USR1, USR2, HUP, QUIT, PROF or WINCH", parse) {
        if !catch(signal) {
            variable::complain(format_args!("no profile is written at a signal: it is refused"));
        }
    }
}

fn parse(text: &[u8]) -> Option<c_int> {
    let name = text.strip_prefix(b"SIG").unwrap_or(text);
    SIGNALS.iter().find(|&&(known, _)| known == name).map(|&(_, signal)| signal)
}

/// Has a signal handled; returns whether it is. What it interrupts goes on.
fn catch(signal: c_int) -> bool {
    // SAFETY: all zero is an action without flags that blocks no signals; the handler does what a handler may.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = at_signal as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(signal, &raw const action, null_mut()) == 0
    }
}

extern "C" fn at_signal(_signal: c_int) {
    let before = errno::get();
    profile::soon(|| {
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed) + 1;
        write_named(format_args!(".{number}"));
    });
    errno::set(before);
}

/// Makes no room for a request, but writes who has it.
fn at_limit(_wanted: usize) -> bool {
    if !LIMIT_MET.swap(true, Ordering::Relaxed) {
        write_named(format_args!(".limit"));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_with_and_without_sig() {
        assert_eq!((parse(b"USR2"), parse(b"SIGUSR2")), (Some(libc::SIGUSR2), Some(libc::SIGUSR2)));
        for text in ["", "SIG", "KILL", "SEGV", "12", "usr2", "USR2 "] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
