//! Reports in words: `malloc_stats` and `malloc_info`.

use core::{
    ffi::{c_int, c_void},
    fmt::{self, Write},
};

use stratalloc_arena::{Census, ClassFigures};

use crate::{
    errno::{EINVAL, set},
    out::{Descriptor, Stream, send},
};

/// `malloc_stats`: writes the memory that the allocator holds, the events so far, and a line for each size class that was
/// ever used, to standard error by plain `write`s.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn malloc_stats() {
    // Nothing can be done if standard error takes nothing.
    let _ = send(&mut Descriptor::stderr(), |out| lines(out));
}

/// `malloc_info`: writes the same as XML to a stream of the caller's; returns 0, or -1 with `errno`. `options` must be 0.
///
/// # Safety
///
/// `stream` is an open stream for writing.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn malloc_info(options: c_int, stream: *mut c_void) -> c_int {
    if options != 0 {
        set(EINVAL);
        return -1;
    }
    // SAFETY: the stream is open for writing, by this function's contract.
    let mut stream = unsafe { Stream::new(stream) };
    if send(&mut stream, |out| xml(out)).is_ok() { 0 } else { -1 }
}

/// Writes the figures for people.
pub(crate) fn lines(out: &mut impl Write) -> fmt::Result {
    let mut census = Census::default();
    census.retake();
    let Census { totals, classes, events, .. } = &census;
    writeln!(out, "stratalloc {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "touched bytes    = {:>12}", totals.touched)?;
    writeln!(out, "in use bytes     = {:>12}", totals.in_use)?;
    writeln!(out, "in use at most   = {:>12}", events.peak_in_use)?;
    writeln!(out, "vacant bytes     = {:>12}", totals.vacant)?;
    writeln!(out, "given back bytes = {:>12}", events.purged)?;
    writeln!(out, "given back times = {:>12}", events.purges)?;
    writeln!(out, "huge bytes       = {:>12}", totals.huge)?;
    writeln!(out, "huge blocks      = {:>12}", totals.huge_blocks)?;
    writeln!(out, "areas            = {:>12}", totals.areas)?;
    let (minor, major) = (events.minor_faults, events.major_faults);
    writeln!(out, "page faults      = {minor:>12}, {major} from a disk")?;
    let [block, live, most, free] = ["block", "live", "at most", "free"];
    writeln!(
        out,
        "{block:>6} {live:>10} {most:>10} {free:>10} remote frees segments touched bytes"
    )?;
    for class in used(classes) {
        let ClassFigures { block_size, live, peak, free, remote_frees, segments, touched, .. } =
            class;
        write!(out, "{block_size:>6} {live:>10} {peak:>10} {free:>10} ")?;
        writeln!(out, "{remote_frees:>12} {segments:>8} {touched:>13}")?;
    }
    Ok(())
}

/// Writes the figures for programs. Those of the GNU C library have its names.
fn xml(out: &mut impl Write) -> fmt::Result {
    let mut census = Census::default();
    census.retake();
    let Census { totals, classes, events, .. } = &census;
    writeln!(out, "<malloc version=\"stratalloc-{}\">", env!("CARGO_PKG_VERSION"))?;
    for class in used(classes) {
        let ClassFigures { block_size, live, peak, free, remote_frees, segments, touched, .. } =
            class;
        write!(
            out,
            "<class size=\"{block_size}\" live=\"{live}\" peak=\"{peak}\" free=\"{free}\" "
        )?;
        write!(out, "remote_frees=\"{remote_frees}\" segments=\"{segments}\" ")?;
        writeln!(out, "touched=\"{touched}\"/>")?;
    }
    writeln!(out, "<system type=\"current\" size=\"{}\"/>", totals.touched + totals.huge)?;
    writeln!(out, "<in_use size=\"{}\" peak=\"{}\"/>", totals.in_use, events.peak_in_use)?;
    writeln!(out, "<vacant size=\"{}\"/>", totals.vacant)?;
    writeln!(out, "<given_back count=\"{}\" size=\"{}\"/>", events.purges, events.purged)?;
    let (minor, major) = (events.minor_faults, events.major_faults);
    writeln!(out, "<page_faults minor=\"{minor}\" major=\"{major}\"/>")?;
    let (count, size) = (totals.huge_blocks, totals.huge);
    writeln!(out, "<total type=\"mmap\" count=\"{count}\" size=\"{size}\"/>")?;
    writeln!(out, "<areas count=\"{}\"/>\n</malloc>", totals.areas)
}

/// The classes of which blocks were ever allocated.
fn used(classes: &[ClassFigures]) -> impl Iterator<Item = &ClassFigures> {
    classes.iter().filter(|class| class.peak > 0)
}
