//! A variable of the environment: its value, and what is said where nobody can understand it.

use core::{ffi::CStr, fmt::Write};

use crate::out::{Descriptor, send};

/// The parsed value of a variable, if it is set to one that can be understood.
pub(crate) fn setting<T>(
    name: &CStr,
    wanted: &str,
    parse: impl Fn(&'static [u8]) -> Option<T>,
) -> Option<T> {
    let text = value(name)?;
    let parsed = parse(text);
    if parsed.is_none() {
        let name = name.to_str().unwrap_or_default();
        complain(format_args!("{name} is not {wanted}; ignored"));
    }
    parsed
}

/// The value of a variable; none in a program that runs with more rights than its user has.
pub(crate) fn value(name: &CStr) -> Option<&'static [u8]> {
    unsafe extern "C" {
        fn secure_getenv(name: *const core::ffi::c_char) -> *const core::ffi::c_char;
    }
    // SAFETY: the name ends with a null. The result is null, or a string that stays as long as the variable isn't changed;
    // no part of the program changes it before its constructors.
    unsafe {
        let value = secure_getenv(name.as_ptr());
        (!value.is_null()).then(|| CStr::from_ptr(value).to_bytes())
    }
}

/// Writes a line to standard error.
pub(crate) fn complain(what: core::fmt::Arguments<'_>) {
    // Nothing can be done if standard error takes nothing.
    let _ = send(&mut Descriptor::stderr(), |out| writeln!(out, "stratalloc: {what}"));
}
