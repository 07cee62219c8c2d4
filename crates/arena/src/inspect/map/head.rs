//! The head of a heap map: the title, the sums, and the legend.

use core::fmt::{self, Write};

use crate::{
    inspect::{
        map::{MARGIN, Page, ROW, TOP, WIDTH, cell::LEVELS, square},
        stats,
    },
    plan::{
        bins::{Bin, SHAPES},
        geometry::Partition,
    },
};

impl<W: Write> Page<'_, W> {
    /// Draws the head: the title, the sums, and the legend.
    pub(super) fn head(&mut self, areas: usize) -> fmt::Result {
        let height = TOP + self.rows * ROW + MARGIN / 2;
        writeln!(
            self.out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\" font-family=\"system-ui, sans-serif\">"
        )?;
        self.style()?;
        writeln!(self.out, "<rect width=\"100%\" height=\"100%\" fill=\"#fbfaf7\"/>")?;
        let y = MARGIN + 14;
        writeln!(self.out, "<text x=\"{MARGIN}\" y=\"{y}\" class=\"h\">Heap map</text>")?;
        self.sums(y, areas)?;
        self.legend(y + 24)?;
        for partition in Partition::all() {
            self.partition_head(partition)?;
        }
        Ok(())
    }

    /// Draws the sums over all heaps.
    fn sums(&mut self, y: usize, areas: usize) -> fmt::Result {
        let stats = stats::count();
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
        writeln!(self.out, "</text>")
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
}

/// A class's hue in degrees: neighbours lie far apart.
fn hue(bin: usize) -> usize {
    (bin * 137 + 30) % 360
}

/// Bytes in MiB with one decimal.
struct Mebibytes(usize);

impl fmt::Display for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0 / ((1 << 20) / 10);
        write!(f, "{}.{} MiB", tenths / 10, tenths % 10)
    }
}
