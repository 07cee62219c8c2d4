//! A tile of the map: its points gathered into circles, as SVG. What is gathered lies in a request's scratch memory.

use std::fmt::{self, Write};

use allocator_api2_02::{alloc::Allocator, vec::Vec};
use hashbrown::{DefaultHashBuilder, HashMap};

use super::{memory::NoMemory, random::Random};

/// Points that a tile gathers.
const POINTS: usize = 150;
/// The side of a tile's picture.
const SIDE: u32 = 256;
/// The same in the units of its points.
const UNITS: u32 = SIDE << 8;

/// A square of the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    /// How far the map is enlarged: a tile of level `n` has up to `(n + 1)²` circles.
    pub(crate) level: u8,
    /// Which of the level's tiles.
    pub(crate) number: u32,
}

impl Tile {
    /// A number for hash tables, the same in every run.
    pub(crate) fn hash(self) -> u64 {
        let key = u64::from(self.number) << 8 | u64::from(self.level);
        // Multiplied twice, so that the table's top and low bits depend on all of the key.
        let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93)
    }
}

/// The points of each cell, by the cell's column and row.
type Cells<A> = HashMap<(u8, u8), Vec<[u32; 2], A>, DefaultHashBuilder, A>;

/// What a request built on the way to its picture, and the picture: all in its scratch memory.
pub(crate) struct Rendered<A: Allocator> {
    _cells: Cells<A>,
    /// The SVG.
    pub(crate) text: Text<A>,
}

/// Draws a tile; the same for the same tile.
pub(crate) fn render<A: Allocator + Copy>(tile: Tile, scratch: A) -> Result<Rendered<A>, NoMemory> {
    let cells = gather(tile, scratch)?;
    let mut text = Text(Vec::new_in(scratch));
    draw(tile, &cells, scratch, &mut text)?;
    Ok(Rendered { _cells: cells, text })
}

fn gather<A: Allocator + Copy>(tile: Tile, scratch: A) -> Result<Cells<A>, NoMemory> {
    let mut random = Random::new(tile.hash());
    let mut cells = Cells::with_hasher_in(DefaultHashBuilder::default(), scratch);
    let columns = u32::from(tile.level) + 1;
    for _ in 0..POINTS {
        let point = [random.below(UNITS), random.below(UNITS)];
        let cell = point.map(|along| (along * columns / UNITS) as u8);
        cells.try_reserve(1).map_err(|_| NoMemory)?;
        let points = cells.entry((cell[0], cell[1])).or_insert_with(|| Vec::new_in(scratch));
        points.try_reserve(1).map_err(|_| NoMemory)?;
        points.push(point);
    }
    Ok(cells)
}

fn draw<A: Allocator + Copy>(
    tile: Tile,
    cells: &Cells<A>,
    scratch: A,
    text: &mut Text<A>,
) -> Result<(), NoMemory> {
    let mut order = Vec::new_in(scratch);
    order.try_reserve_exact(cells.len()).map_err(|_| NoMemory)?;
    order.extend(cells.keys().copied());
    order.sort_unstable();
    writeln!(text, "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {SIDE} {SIDE}'>")?;
    writeln!(text, "<title>{} of level {}</title>", tile.number, tile.level)?;
    for cell in order {
        let points = &cells[&cell];
        let mean = |axis: usize| {
            let sum: u32 = points.iter().map(|point| point[axis]).sum();
            f64::from(sum) / f64::from(UNITS / SIDE) / points.len() as f64
        };
        let radius = (points.len() as f64).sqrt();
        writeln!(text, "<circle cx='{:.1}' cy='{:.1}' r='{radius:.1}'/>", mean(0), mean(1))?;
    }
    writeln!(text, "</svg>").map_err(NoMemory::from)
}

/// A text that grows only if there is memory.
pub(crate) struct Text<A: Allocator>(pub(crate) Vec<u8, A>);

impl<A: Allocator> Write for Text<A> {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        self.0.try_reserve(more.len()).map_err(|_| fmt::Error)?;
        self.0.extend_from_slice(more.as_bytes());
        Ok(())
    }
}

impl From<fmt::Error> for NoMemory {
    fn from(_: fmt::Error) -> Self {
        Self
    }
}
