//! Profiles: by the variable `STRATALLOC_PROFILE`, for any program, and by the functions of `stratalloc.h`.

mod moments;

use core::{
    ffi::{CStr, c_char, c_int},
    fmt::{self, Write as _},
    sync::atomic::{AtomicU8, AtomicU32, Ordering},
};

use stratalloc_arena::profile;

use crate::{
    errno::{EINVAL, ENOMEM, set},
    out::{Descriptor, send},
    path::{PATH_MAX, Path, process},
    settings,
};

/// The process that started with the variable; zero where there is none. A child of a fork is another process, and leaves
/// the file alone. `Release` where it is set pairs with `Acquire` where [`PATH`] is read.
static STARTED_IN: AtomicU32 = AtomicU32::new(0);

/// The path that the variable has, up to a null: whoever writes later may find another environment. Written before the
/// program begins.
static PATH: [AtomicU8; PATH_MAX / 2] = [const { AtomicU8::new(0) }; PATH_MAX / 2];

/// A wanted profile: the path of its file, and the bytes between samples.
struct Wanted {
    path: &'static [u8],
    interval: usize,
}

/// Parses `PATH` or `PATH,INTERVAL`.
fn parse(text: &'static [u8]) -> Option<Wanted> {
    let comma = text.iter().rposition(|&byte| byte == b',');
    let named = comma.and_then(|comma| Some((&text[..comma], settings::size(&text[comma + 1..])?)));
    let (path, interval) = named.unwrap_or((text, profile::INTERVAL));
    (!path.is_empty() && path.len() < PATH_MAX / 2 && interval > 0)
        .then_some(Wanted { path, interval })
}

pub(crate) use moments::SIGNAL;

/// The variable that asks for a profile.
pub(crate) const VARIABLE: &CStr = c"STRATALLOC_PROFILE";

/// Starts a profile if the variable asks for one.
pub(crate) fn start_if_wanted() {
    let meant = "a path, or a path and a size as in heap.profile,512K";
    if let Some(wanted) = settings::setting(VARIABLE, meant, parse) {
        if profile::start(wanted.interval).is_ok() {
            keep(wanted.path);
            moments::prepare();
        } else {
            settings::complain(format_args!("there is no memory for a profile"));
        }
    }
}

/// Keeps the path for the thread that writes.
fn keep(path: &[u8]) {
    for (kept, &byte) in PATH.iter().zip(path) {
        kept.store(byte, Ordering::Relaxed);
    }
    STARTED_IN.store(process(), Ordering::Release);
}

/// Writes the profile at the end of a process, if the variable asked for one.
pub(crate) fn write_if_wanted() {
    write_named(format_args!(""));
}

/// Writes the profile to the file that the variable names, with an ending to its name; nothing if it names none.
fn write_named(ending: fmt::Arguments<'_>) {
    let started_in = STARTED_IN.load(Ordering::Acquire);
    if started_in == 0 {
        return;
    }
    let mut kept = [0; PATH_MAX / 2];
    for (byte, kept) in kept.iter_mut().zip(&PATH) {
        *byte = kept.load(Ordering::Relaxed);
    }
    let len = kept.iter().position(|&byte| byte == 0).unwrap_or(kept.len());
    let mut path = Path::new();
    let named =
        path.expand(&kept[..len], started_in != process()).and_then(|()| path.write_fmt(ending));
    if named.is_ok() && !write(path.as_c_str()) {
        settings::complain(format_args!("the profile can't be written"));
    }
}

/// Writes the samples so far to a file; returns whether it could, with `errno` if not.
fn write(path: &CStr) -> bool {
    let Ok(snapshot) = profile::snapshot() else {
        set(ENOMEM);
        return false;
    };
    let Some(mut file) = Descriptor::create(path) else { return false };
    let written = send(&mut file, |out| snapshot.write(out)).is_ok();
    file.close();
    written
}

/// `stratalloc_profile_start`: starts to sample one block in `interval` bytes on average, 512 KiB if it is zero; returns
/// 0, or -1 with `ENOMEM`.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn stratalloc_profile_start(interval: usize) -> c_int {
    let interval = if interval == 0 { profile::INTERVAL } else { interval };
    if profile::start(interval).is_ok() {
        return 0;
    }
    set(ENOMEM);
    -1
}

/// `stratalloc_profile_stop`: stops to sample blocks.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn stratalloc_profile_stop() {
    profile::stop();
}

/// `stratalloc_profile_write`: writes the samples so far; returns 0, or -1 with `errno`.
///
/// # Safety
///
/// `path` is null, or a string.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn stratalloc_profile_write(path: *const c_char) -> c_int {
    if path.is_null() {
        set(EINVAL);
        return -1;
    }
    // SAFETY: the path isn't null, so that it is a string of C, by this function's contract.
    if write(unsafe { CStr::from_ptr(path) }) { 0 } else { -1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_have_an_interval_and_commas() {
        let parsed = |text: &'static str| {
            parse(text.as_bytes())
                .map(|wanted| (core::str::from_utf8(wanted.path).unwrap(), wanted.interval))
        };
        assert_eq!(parsed("heap"), Some(("heap", profile::INTERVAL)));
        assert_eq!(parsed("/a,b/heap,64K"), Some(("/a,b/heap", 64 << 10)));
        assert_eq!(parsed("a,b"), Some(("a,b", profile::INTERVAL)));
        for text in ["", ",64K", "heap,0"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
