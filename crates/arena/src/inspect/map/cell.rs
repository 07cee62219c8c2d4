//! The cells of a heap map: one for each segment.

use crate::{
    books::{area::Books, arena::Arena, slab::Segment},
    heap::large::PAGE,
    plan::{
        bins::Bin,
        geometry::{ArenaPlace, SEGMENTS},
    },
};

/// The shades for how full a segment is.
pub(super) const LEVELS: usize = 6;
/// The drawing of a segment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    /// The bin of a slab; [`Bin::NONE`] for other segments.
    pub(super) bin: Bin,
    /// How full it is, up to [`LEVELS`]; zero if it serves nothing.
    pub(super) level: u8,
    /// Whether there is memory behind it.
    pub(super) touched: bool,
}

/// One arena's segments.
pub(super) type Column = [Cell; SEGMENTS];

/// The cells of an arena.
pub(super) fn column(books: &mut Books, place: ArenaPlace) -> Column {
    let &mut Arena { used, dirty, .. } = books.arena(place);
    let size = place.partition.segment_size();
    // Bytes of the large block that reaches into the next segment.
    let mut rest = 0;
    core::array::from_fn(|number| {
        if (used | dirty) >> number & 1 == 0 {
            return Cell { bin: Bin::NONE, level: 0, touched: false };
        }
        let segment = books.segment(place.segment(number));
        let (bin, touched) = (segment.bin, segment.touched != 0);
        let in_use = if used >> number & 1 == 0 { 0 } else { in_use(segment, size, &mut rest) };
        let level = (in_use * LEVELS).div_ceil(size).min(LEVELS) as u8;
        Cell { bin, level, touched }
    })
}

/// The bytes in use of a used segment of `size` bytes. `rest` are those that a large block has left for it and the next
/// ones.
fn in_use(segment: &Segment, size: usize, rest: &mut usize) -> usize {
    let bin = segment.bin;
    if bin != Bin::NONE {
        return (segment.carved - segment.free) as usize * bin.shape().block_size as usize;
    }
    if segment.pages != 0 {
        *rest = segment.pages as usize * PAGE;
    }
    // A block that began in an earlier arena fills this one as far as can be seen from here.
    let here = if *rest == 0 { size } else { size.min(*rest) };
    *rest = rest.saturating_sub(here);
    here
}
