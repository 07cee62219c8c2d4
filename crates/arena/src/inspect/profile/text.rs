//! A snapshot as text, which the crate `stratalloc-profile` reads in order to look up the names of the calls.
//!
//! ```text
//! stratalloc profile 1
//! interval 524288
//! lost 0
//! live BYTES BLOCKS SAMPLES ERROR
//! peak BYTES BLOCKS SAMPLES ERROR
//! allocated BYTES BLOCKS SAMPLES ERROR
//! site                                         for each
//! live …                                       as above
//! peak …
//! allocated …
//! calls 55d0c0de 55d0c0ff …                    innermost first
//! maps                                         /proc/self/maps follows
//! ```

use core::fmt::{self, Write};

use crate::{
    inspect::profile::{Estimate, Snapshot},
    sys::maps,
};

impl Snapshot {
    /// Writes it as text, with the mappings of the process: the crate `stratalloc-profile` makes pprof's format and flame
    /// graphs of it. Allocates nothing.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> fmt::Result {
        writeln!(out, "stratalloc profile 1")?;
        writeln!(out, "interval {}", self.interval())?;
        writeln!(out, "lost {}", self.lost())?;
        write_figures(out, self.live(), self.peak(), self.allocated())?;
        for site in self.sites() {
            writeln!(out, "site")?;
            write_figures(out, site.live, site.at_peak, site.allocated)?;
            write!(out, "calls")?;
            site.trace.iter().try_for_each(|call| write!(out, " {call:x}"))?;
            writeln!(out)?;
        }
        writeln!(out, "maps")?;
        maps::write(out)
    }
}

fn write_figures(
    out: &mut impl Write,
    live: Estimate,
    peak: Estimate,
    allocated: Estimate,
) -> fmt::Result {
    for (name, estimate) in [("live", live), ("peak", peak), ("allocated", allocated)] {
        let (bytes, blocks, samples) = (estimate.bytes(), estimate.blocks(), estimate.samples());
        writeln!(out, "{name} {bytes} {blocks} {samples} {:.0}", estimate.standard_error())?;
    }
    Ok(())
}
