//! The picture of a heap at a trace's peak: which bytes are live, free, overhead.

use std::fmt::Write;

use stratalloc_heap::{Extent, Heap, Kind, NoBase, Policy};

/// The shares of a cell of the picture, by kind.
type Shares = [usize; 4];

const GLYPHS: [char; 4] = ['#', '+', '.', '='];
const COLOURS: [&str; 4] = ["#2b6cb0", "#90cdf4", "#edf2f7", "#c05621"];

fn index(kind: Kind) -> usize {
    match kind {
        Kind::Live => 0,
        Kind::Quick => 1,
        Kind::Free => 2,
        Kind::Overhead => 3,
    }
}

/// The heap cut into `count` equal cells, each with its bytes by kind.
fn cells<P: Policy>(heap: &mut Heap<NoBase, P>, count: usize) -> Vec<Shares> {
    let mut extents: Vec<Extent> = Vec::new();
    heap.walk(|extent| extents.push(extent));
    let start = extents.first().map_or(0, |extent| extent.address);
    let size = extents.iter().map(|extent| extent.size).sum::<usize>().max(1);
    let mut cells = vec![[0; 4]; count];
    let per_cell = size.div_ceil(count);
    for extent in extents {
        let (mut at, end) = (extent.address - start, extent.address - start + extent.size);
        while at < end {
            let cell = at / per_cell;
            let next = end.min((cell + 1) * per_cell);
            cells[cell][index(extent.kind)] += next - at;
            at = next;
        }
    }
    cells
}

fn most(shares: &Shares) -> usize {
    (0..4).max_by_key(|&kind| shares[kind]).unwrap_or(0)
}

/// As text: a glyph for each cell, 64 a line.
pub(crate) fn text<P: Policy>(heap: &mut Heap<NoBase, P>) -> String {
    let mut text = String::from("# live  + quick  . free  = overhead\n");
    for line in cells(heap, 64 * 24).chunks(64) {
        text.extend(line.iter().map(|shares| GLYPHS[most(shares)]));
        text.push('\n');
    }
    text
}

/// As SVG: a square for each cell, its colours in the proportion of its kinds.
pub(crate) fn svg<P: Policy>(heap: &mut Heap<NoBase, P>) -> String {
    const SIDE: usize = 10;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\">\n",
        128 * SIDE,
        64 * SIDE
    );
    for (number, shares) in cells(heap, 128 * 64).iter().enumerate() {
        let (x, y) = (number % 128 * SIDE, number / 128 * SIDE);
        let total = shares.iter().sum::<usize>().max(1);
        let mut left = 0.0;
        for (&share, colour) in shares.iter().zip(COLOURS).filter(|(share, _)| **share != 0) {
            let width = SIDE as f64 * share as f64 / total as f64;
            let _ = writeln!(
                svg,
                "<rect x=\"{:.2}\" y=\"{y}\" width=\"{width:.2}\" height=\"{SIDE}\" fill=\"{colour}\"/>",
                x as f64 + left
            );
            left += width;
        }
    }
    svg.push_str("</svg>\n");
    svg
}
