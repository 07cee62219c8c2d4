//! A picture of the heaps, as SVG: every segment of every area, and how full it is.
//!
//! An area is a row of eight squares, its partitions; a column of a square is an arena, and a cell a
//! segment. Its colour is what it serves (a hue for each size class, grey for large blocks), its strength
//! how much of it is in use. A thin tint is memory that is kept for the next use; where nothing is drawn
//! there is none.

use core::fmt::{self, Write};

use crate::{
    books::{
        area::{Area, Books},
        arena::Arena,
    },
    cache::slot,
    heap::{Heap, large::PAGE},
    plan::{
        bins::{Bin, SHAPES},
        geometry::{ARENAS, ArenaPlace, PARTITIONS, Partition, SEGMENTS},
    },
    process::{arena_heaps, heaps},
    sys::lock::Mark,
};

/// The side of a cell, in pixels.
const CELL: usize = 3;
/// The side of a partition's square.
const SQUARE: usize = CELL * SEGMENTS;
const GAP: usize = 20;
const MARGIN: usize = 24;
/// Where the first area's squares begin, and how far the next is from there.
const TOP: usize = 148;
const ROW: usize = SQUARE + 44;
const WIDTH: usize = 2 * MARGIN + PARTITIONS * (SQUARE + GAP) - GAP;
/// Shades of how full a segment is.
const LEVELS: usize = 6;
/// Areas that are drawn; more are counted.
const MAX_AREAS: usize = 64;

/// Writes a picture of all heaps.
///
/// O(areas · segments). Each heap's threads wait while one of its partitions is looked at, for what
/// they need its lock for; whoever makes or drops arena heaps waits while those are drawn. Allocates
/// nothing.
///
/// ```
/// let mut picture = String::new();
/// stratalloc_arena::map(&mut picture)?;
/// assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"));
/// # Ok::<(), std::fmt::Error>(())
/// ```
///
/// # Errors
///
/// Those of `out`.
pub fn map(out: &mut impl Write) -> fmt::Result {
    let mark = slot::mark();
    let mut areas = 0;
    arena_heaps::each_heap(mark, |heap| areas += heap.areas(mark));
    // Areas that come meanwhile aren't drawn.
    let drawn = areas.min(MAX_AREAS);
    let mut page = Page { out, row: 0, rows: drawn, mark };
    page.head(areas)?;
    for heap in heaps::of_threads(0) {
        page.heap(heap, "a thread's heap")?;
    }
    let mut result = Ok(());
    arena_heaps::each(mark, |heap| {
        if result.is_ok() {
            result = page.heap(heap, "an arena heap");
        }
    });
    result?;
    page.out.write_str("</svg>\n")
}

/// What is drawn of a segment.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Cell {
    /// The bin of a slab; [`Bin::NONE`] for what else there is.
    bin: Bin,
    /// How full it is, up to [`LEVELS`]; zero if it serves nothing.
    level: u8,
    /// Whether there is memory behind it.
    touched: bool,
}

/// One arena's segments.
type Column = [Cell; SEGMENTS];

struct Page<'a, W: Write> {
    out: &'a mut W,
    row: usize,
    rows: usize,
    mark: Mark,
}

impl<W: Write> Page<'_, W> {
    fn head(&mut self, areas: usize) -> fmt::Result {
        let height = TOP + self.rows * ROW + MARGIN / 2;
        let stats = crate::inspect::stats::count();
        writeln!(
            self.out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\" font-family=\"system-ui, sans-serif\">"
        )?;
        self.style()?;
        writeln!(self.out, "<rect width=\"100%\" height=\"100%\" fill=\"#fbfaf7\"/>")?;
        let y = MARGIN + 14;
        writeln!(self.out, "<text x=\"{MARGIN}\" y=\"{y}\" class=\"h\">Heap map</text>")?;
        write!(self.out, "<text x=\"{}\" y=\"{y}\">", MARGIN + 132)?;
        write!(
            self.out,
            "{} in use · {} touched · {} kept vacant · {areas} area{}",
            Mebibytes(stats.in_use),
            Mebibytes(stats.touched),
            Mebibytes(stats.vacant),
            if areas == 1 { "" } else { "s" },
        )?;
        if areas > self.rows {
            write!(self.out, ", the first {} drawn", self.rows)?;
        }
        writeln!(self.out, "</text>")?;
        self.legend(y + 24)?;
        for partition in Partition::all() {
            self.partition_head(partition)?;
        }
        Ok(())
    }

    fn style(&mut self) -> fmt::Result {
        self.out
            .write_str("<style>text{font-size:12px;fill:#444}.h{font-size:20px;font-weight:600;")?;
        self.out
            .write_str("fill:#222}.b{font-weight:600;fill:#222}.s{fill:#fff;stroke:#d8d4ca}")?;
        self.out.write_str(".v{fill:#e3dfd4}.l{fill:#4a5a6a}")?;
        for bin in Bin::all().map(Bin::index) {
            write!(self.out, ".c{bin}{{fill:hsl({} 62% 44%)}}", hue(bin))?;
        }
        for level in 1..=LEVELS {
            write!(self.out, ".f{level}{{fill-opacity:{}%}}", 100 * (level + 1) / (LEVELS + 1))?;
        }
        self.out.write_str("</style>\n")
    }

    /// The classes of the smallest partition as an example of hues, then what else there is.
    fn legend(&mut self, y: usize) -> fmt::Result {
        let swatches = [
            ("c1 f6", "blocks of one class, full"),
            ("c1 f1", "nearly empty"),
            ("l", "large blocks"),
            ("v", "kept for the next use"),
        ];
        let mut x = MARGIN;
        for (class, text) in swatches {
            writeln!(
                self.out,
                "<rect x=\"{x}\" y=\"{y}\" width=\"11\" height=\"11\" class=\"{class}\"/>\
                 <text x=\"{}\" y=\"{}\">{text}</text>",
                x + 17,
                y + 10,
            )?;
            x += 48 + text.len() * 7;
        }
        writeln!(
            self.out,
            "<text x=\"{x}\" y=\"{}\">column: arena, from left · cell: segment, from the top</text>",
            y + 10,
        )
    }

    fn partition_head(&mut self, partition: Partition) -> fmt::Result {
        let (x, y) = (square(partition), TOP - 42);
        let (number, size) = (partition.number(), partition.segment_size() >> 10);
        writeln!(self.out, "<text x=\"{x}\" y=\"{y}\" class=\"b\">Partition {number}</text>")?;
        write!(self.out, "<text x=\"{x}\" y=\"{}\">", y + 15)?;
        if size < 1024 {
            write!(self.out, "{size} KiB")?;
        } else {
            write!(self.out, "{} MiB", size >> 10)?;
        }
        let mut bins = SHAPES.iter().skip(1).filter(|shape| shape.partition == partition);
        match bins.next() {
            Some(first) => {
                let last = bins.next_back().unwrap_or(first).block_size;
                writeln!(self.out, ": blocks of {} to {last}</text>", first.block_size)
            }
            None => writeln!(self.out, ": blocks that grow</text>"),
        }
    }

    fn heap(&mut self, heap: &Heap, kind: &str) -> fmt::Result {
        for number in 0..heap.areas(self.mark) {
            if self.row == self.rows {
                return Ok(());
            }
            self.area(heap, number, kind)?;
            self.row += 1;
        }
        Ok(())
    }

    fn area(&mut self, heap: &Heap, number: usize, kind: &str) -> fmt::Result {
        let top = TOP + self.row * ROW;
        let mut address = 0;
        for partition in Partition::all() {
            let x = square(partition);
            writeln!(
                self.out,
                "<rect x=\"{x}\" y=\"{top}\" width=\"{SQUARE}\" height=\"{SQUARE}\" class=\"s\"/>"
            )?;
            for arena in 0..ARENAS {
                let place = ArenaPlace { partition, arena };
                let look = heap.with_area(self.mark, number, |books| {
                    (core::ptr::from_mut(books).addr(), column(books, place))
                });
                let Some((at, column)) = look else { return Ok(()) };
                address = at;
                self.column(&column, x + arena * CELL, top, arena)?;
            }
        }
        let home = Area::containing(core::ptr::from_ref(heap).cast_mut().cast()).addr();
        let more = if address == home { "" } else { ", a further area" };
        writeln!(
            self.out,
            "<text x=\"{MARGIN}\" y=\"{}\">{address:#x}: {kind}{more}</text>",
            top + SQUARE + 16,
        )
    }

    /// Draws an arena, equal segments that lie together as one bar.
    fn column(&mut self, column: &Column, x: usize, top: usize, arena: usize) -> fmt::Result {
        let mut first = 0;
        while first < SEGMENTS {
            let cell = column[first];
            let run = column[first..].iter().take_while(|&&other| other == cell).count();
            if cell.touched {
                let (y, height) = (top + first * CELL, run * CELL);
                write!(self.out, "<g><title>arena {arena}: ")?;
                self.title(cell)?;
                write!(
                    self.out,
                    "</title><rect x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{height}\" class=\""
                )?;
                match (cell.level, cell.bin) {
                    (0, _) => self.out.write_str("v")?,
                    (level, Bin::NONE) => write!(self.out, "l f{level}")?,
                    (level, bin) => write!(self.out, "c{} f{level}", bin.index())?,
                }
                self.out.write_str("\"/></g>\n")?;
            }
            first += run;
        }
        Ok(())
    }

    fn title(&mut self, cell: Cell) -> fmt::Result {
        match (cell.level, cell.bin) {
            (0, _) => self.out.write_str("kept for the next use"),
            (_, Bin::NONE) => self.out.write_str("large blocks"),
            (_, bin) => write!(self.out, "blocks of {}", bin.shape().block_size),
        }
    }
}

/// Where a partition's square begins.
fn square(partition: Partition) -> usize {
    MARGIN + partition.number() * (SQUARE + GAP)
}

/// A class's hue in degrees: neighbours lie far apart.
fn hue(bin: usize) -> usize {
    (bin * 137 + 30) % 360
}

fn column(books: &mut Books, place: ArenaPlace) -> Column {
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
        let in_use = if used >> number & 1 == 0 {
            0
        } else if bin != Bin::NONE {
            (segment.carved - segment.free) as usize * bin.shape().block_size as usize
        } else {
            // A block that began in an earlier arena fills this one as far as can be seen from here.
            rest = if segment.pages != 0 { segment.pages as usize * PAGE } else { rest };
            let here = if rest == 0 { size } else { rest.min(size) };
            rest = rest.saturating_sub(here);
            here
        };
        let level = (in_use * LEVELS).div_ceil(size).min(LEVELS) as u8;
        Cell { bin, level, touched }
    })
}

/// Bytes in MiB with one decimal.
struct Mebibytes(usize);

impl fmt::Display for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0 / ((1 << 20) / 10);
        write!(f, "{}.{} MiB", tenths / 10, tenths % 10)
    }
}
