//! A picture of the heaps, as SVG: every segment of every area, and how full it is.
//!
//! An area is a row of eight squares, its partitions; a column of a square is an arena, and a cell a segment. A cell's
//! hue stands for the size class (grey for large blocks), and its strength for the part in use. A thin tint is memory
//! that is kept for the next use; where nothing is drawn, there is no memory.

mod cell;
mod head;

use core::fmt::{self, Write};

use crate::{
    books::area::Area,
    cache::slot,
    heap::Heap,
    inspect::map::cell::{Cell, Column},
    plan::{
        bins::Bin,
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
/// Areas that are drawn; more are counted.
const MAX_AREAS: usize = 64;

/// Writes a picture of all heaps.
///
/// O(areas · segments). A thread that needs a heap's lock waits while one arena of the heap is looked at; a thread that
/// makes or drops arena heaps waits while those are drawn. Allocates nothing.
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

struct Page<'a, W: Write> {
    out: &'a mut W,
    row: usize,
    rows: usize,
    mark: Mark,
}

impl<W: Write> Page<'_, W> {
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
                    (core::ptr::from_mut(books).addr(), cell::column(books, place))
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
                write!(self.out, "<g><title>arena {arena}: ")?;
                self.title(cell)?;
                self.out.write_str("</title>")?;
                self.bar(cell, x, top + first * CELL, run * CELL)?;
                self.out.write_str("</g>\n")?;
            }
            first += run;
        }
        Ok(())
    }

    /// Draws segments that are equal to a cell.
    fn bar(&mut self, cell: Cell, x: usize, y: usize, height: usize) -> fmt::Result {
        write!(
            self.out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{CELL}\" height=\"{height}\" class=\""
        )?;
        match (cell.level, cell.bin) {
            (0, _) => self.out.write_str("v")?,
            (level, Bin::NONE) => write!(self.out, "l f{level}")?,
            (level, bin) => write!(self.out, "c{} f{level}", bin.index())?,
        }
        self.out.write_str("\"/>")
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
