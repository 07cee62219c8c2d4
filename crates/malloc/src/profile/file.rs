//! The file that the variable names, and what is written to it.

use core::{
    ffi::CStr,
    fmt::{self, Write as _},
    sync::atomic::{AtomicU8, AtomicU32, Ordering},
};

use stratalloc_arena::profile;

use crate::{
    errno::{ENOMEM, set},
    out::{Descriptor, send},
    path::{PATH_MAX, Path, process},
    variable,
};

/// The longest path that the variable may have.
pub(super) const MAX: usize = PATH_MAX / 2;

/// The process that started with the variable; zero where there is none. A child of a fork is another process, and leaves
/// the file alone. `Release` where it is set pairs with `Acquire` where [`PATH`] is read.
static STARTED_IN: AtomicU32 = AtomicU32::new(0);

/// The path that the variable has, up to a null: whoever writes later may find another environment. Written before the
/// program begins.
static PATH: [AtomicU8; MAX] = [const { AtomicU8::new(0) }; MAX];

/// Keeps the path for the thread that writes.
pub(super) fn keep(path: &[u8]) {
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
pub(super) fn write_named(ending: fmt::Arguments<'_>) {
    let started_in = STARTED_IN.load(Ordering::Acquire);
    if started_in == 0 {
        return;
    }
    let mut kept = [0; MAX];
    for (byte, kept) in kept.iter_mut().zip(&PATH) {
        *byte = kept.load(Ordering::Relaxed);
    }
    let len = kept.iter().position(|&byte| byte == 0).unwrap_or(kept.len());
    let mut path = Path::new();
    let named =
        path.expand(&kept[..len], started_in != process()).and_then(|()| path.write_fmt(ending));
    if named.is_ok() && !write(path.as_c_str()) {
        variable::complain(format_args!("the profile can't be written"));
    }
}

/// Writes the samples so far to a file; returns whether it could, with `errno` if not.
pub(super) fn write(path: &CStr) -> bool {
    let Ok(snapshot) = profile::snapshot() else {
        set(ENOMEM);
        return false;
    };
    let Some(mut file) = Descriptor::create(path) else { return false };
    let written = send(&mut file, |out| snapshot.write(out)).is_ok();
    file.close();
    written
}
