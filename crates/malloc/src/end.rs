//! The end of a process: a map of the heap is written then, if it is asked for, and misuse reported that
//! no call had reason to notice.

use stratalloc_arena::global;

/// Looks at the heaps, and at what the thread that ends the process has freed.
///
/// Runs among the library's destructors, after the program's own and before those of the libraries
/// that were loaded first. Blocks may be allocated and freed after it.
extern "C" fn at_end() {
    crate::map_file::write();
    global::check_frees();
}

#[used]
#[unsafe(link_section = ".fini_array")]
static AT_END: extern "C" fn() = at_end;
