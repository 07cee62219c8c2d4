//! The end of a process: it writes a profile, figures and a map of the heap, if they are asked for, and reports misuse
//! that no call noticed.

use core::{ffi::CStr, fmt};

use stratalloc_arena::{gauges, global};

use crate::{
    out::{Descriptor, Out, send},
    profile, text, variable,
};

/// Writes the files that are asked for, and checks the blocks freed by the thread that ends the process.
///
/// Runs among the library's destructors, after the program's own and before those of the libraries
/// that were loaded first. Blocks may be allocated and freed after it.
extern "C" fn at_end() {
    profile::write_if_wanted();
    gauges::update();
    write_file(c"STRATALLOC_STATS", |out| text::lines(out));
    write_file(c"STRATALLOC_MAP", |out| stratalloc_arena::map(out));
    global::check_frees();
}

#[used]
#[unsafe(link_section = ".fini_array")]
static AT_END: extern "C" fn() = at_end;

/// Writes to the file that a variable names, if it is set; says so if the file can't be written.
fn write_file(name: &CStr, write: impl FnOnce(&mut Out<'_, Descriptor>) -> fmt::Result) {
    let Some(path) = variable::value(name) else { return };
    // SAFETY: `value` returns the bytes of a string before its null.
    let path = unsafe { CStr::from_ptr(path.as_ptr().cast()) };
    let written = Descriptor::create(path).is_some_and(|mut file| {
        let written = send(&mut file, write).is_ok();
        file.close();
        written
    });
    if !written {
        let name = name.to_str().unwrap_or_default();
        variable::complain(format_args!("{name}: the file can't be written"));
    }
}
