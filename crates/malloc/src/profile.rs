//! Profiles: by the variable `STRATALLOC_PROFILE`, for any program, and by the functions of `stratalloc.h`.

mod file;
mod moments;

use core::ffi::{CStr, c_char, c_int};

use stratalloc_arena::profile;

use crate::{
    errno::{EINVAL, ENOMEM, set},
    parse::size,
    variable,
};

/// A wanted profile: the path of its file, and the bytes between samples.
struct Wanted {
    path: &'static [u8],
    interval: usize,
}

/// Parses `PATH` or `PATH,INTERVAL`.
fn parse(text: &'static [u8]) -> Option<Wanted> {
    let comma = text.iter().rposition(|&byte| byte == b',');
    let named = comma.and_then(|comma| Some((&text[..comma], size(&text[comma + 1..])?)));
    let (path, interval) = named.unwrap_or((text, profile::INTERVAL));
    (!path.is_empty() && path.len() < file::MAX && interval > 0)
        .then_some(Wanted { path, interval })
}

pub(crate) use file::write_if_wanted;
pub(crate) use moments::SIGNAL;

/// The variable that asks for a profile.
pub(crate) const VARIABLE: &CStr = c"STRATALLOC_PROFILE";

/// Starts a profile if the variable asks for one.
pub(crate) fn start_if_wanted() {
    let meant = "a path, or a path and a size as in heap.profile,512K";
    if variable::value(SIGNAL).is_some() && variable::value(VARIABLE).is_none() {
        variable::complain(format_args!(
            "STRATALLOC_PROFILE_SIGNAL without STRATALLOC_PROFILE; ignored"
        ));
    }
    if let Some(wanted) = variable::setting(VARIABLE, meant, parse) {
        if profile::start(wanted.interval).is_ok() {
            file::keep(wanted.path);
            moments::prepare();
        } else {
            variable::complain(format_args!("there is no memory for a profile"));
        }
    }
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
    if file::write(unsafe { CStr::from_ptr(path) }) { 0 } else { -1 }
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
