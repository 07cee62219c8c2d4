//! Settings: the variables `STRATALLOC_*`, read once as the library starts.
//!
//! A value that can't be understood is named in one line on standard error, and ignored; so is an unknown variable.

use core::ffi::CStr;

use stratalloc_arena::{Config, limit};

use crate::{
    parse::{decay, guards, limit_of, size, yes_or_no},
    profile,
    variable::{complain, setting},
};

// Among the library's constructors. Blocks may have been allocated before it.
stratalloc_pages::at_start!({ apply() });

/// Applies the settings of the variables.
fn apply() {
    name_unknown();
    profile::start_if_wanted();
    let mut config = Config::new();
    if let Some(bytes) = setting(c"STRATALLOC_LIMIT", "a size from 16M on", limit_of) {
        config = config.limit(bytes);
    }
    if let Some(bytes) = setting(c"STRATALLOC_KEEP", "a size, as 64M", size) {
        config = config.keep(bytes);
    }
    if let Some(time) = setting(c"STRATALLOC_DECAY", "a time up to a day, as 500ms or 10s", decay) {
        config = config.decay(time);
    }
    if let Some(wanted) = setting(c"STRATALLOC_HUGE_PAGES", "yes or no", yes_or_no) {
        config = config.huge_pages(wanted);
    }
    if let Some(wanted) = setting(c"STRATALLOC_MADVISE", "yes or no", yes_or_no) {
        config = config.madvise(wanted);
    }
    if let Some(wanted) = setting(c"STRATALLOC_BACKGROUND", "yes or no", yes_or_no) {
        config = config.background(wanted);
    }
    let mut wants_guards = false;
    if let Some((one_in, slots)) = setting(GUARDS, "a number, or two as 1000,256", guards) {
        config = config.guards(one_in).guard_slots(slots.unwrap_or(Config::GUARD_SLOTS));
        wants_guards = one_in != 0;
    }
    if config != Config::new() {
        put_in_force(config, wants_guards);
    }
}

fn put_in_force(config: Config, wants_guards: bool) {
    match config.apply() {
        Err(limit::Exceeded { held, limit, .. }) => complain(format_args!(
            "STRATALLOC_LIMIT: {held} bytes are held already, {limit} asked for"
        )),
        Ok(()) if wants_guards && !Config::guards_are_on() => complain(format_args!(
            "STRATALLOC_GUARDS: the system has no memory for guards; ignored"
        )),
        Ok(()) => {}
    }
}

/// How many small blocks lie between guard pages.
const GUARDS: &CStr = c"STRATALLOC_GUARDS";

/// The known variables.
const KNOWN: [&CStr; 12] = [
    c"STRATALLOC_LIMIT",
    c"STRATALLOC_KEEP",
    c"STRATALLOC_DECAY",
    c"STRATALLOC_HUGE_PAGES",
    c"STRATALLOC_MADVISE",
    c"STRATALLOC_BACKGROUND",
    GUARDS,
    profile::VARIABLE,
    profile::SIGNAL,
    c"STRATALLOC_GAUGES",
    c"STRATALLOC_STATS",
    c"STRATALLOC_MAP",
];

/// Names unknown variables that begin as ours do; not in a program that has more rights than its user.
fn name_unknown() {
    unsafe extern "C" {
        static environ: *const *const core::ffi::c_char;
    }
    // SAFETY: `getauxval` has no preconditions.
    if unsafe { libc::getauxval(libc::AT_SECURE) } != 0 {
        return;
    }
    // SAFETY: null, or a list of strings that ends with null, which nobody changes before the program begins.
    let mut variables = unsafe { environ };
    while !variables.is_null() {
        // SAFETY: an entry of the list, which ends with null.
        let variable = unsafe { variables.read() };
        if variable.is_null() {
            break;
        }
        // SAFETY: an entry that isn't null is a string of C, which stays until the program begins.
        complain_if_unknown(unsafe { CStr::from_ptr(variable) });
        variables = variables.wrapping_add(1);
    }
}

fn complain_if_unknown(variable: &CStr) {
    let name = variable.to_bytes().split(|&byte| byte == b'=').next().unwrap_or_default();
    if !name.starts_with(b"STRATALLOC_") || KNOWN.iter().any(|known| known.to_bytes() == name) {
        return;
    }
    let name = core::str::from_utf8(name).unwrap_or("a variable STRATALLOC_...");
    complain(format_args!("{name} is unknown; ignored"));
}
