//! Charts as inline SVG: no script, no network, readable in light and dark.

use std::fmt::Write;

/// Colours that stay apart for most eyes, in the order of the allocators.
const COLOURS: [&str; 12] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c564b", "#7f7f7f",
    "#9467bd", "#bcbd22", "#17becf", "#e377c2",
];

/// The colour of the allocator that is `index` in the record.
pub(crate) fn colour(index: usize) -> &'static str {
    COLOURS[index % COLOURS.len()]
}

/// A point of a chart: the allocator's index and its ratios, 1 or more each.
pub(crate) struct Point<'a> {
    pub(crate) allocator: &'a str,
    pub(crate) index: usize,
    pub(crate) x: f64,
    pub(crate) y: f64,
}

/// A row of dots on a logarithmic scale.
pub(crate) struct Strip<'a> {
    pub(crate) name: String,
    /// `y` is not used.
    pub(crate) points: Vec<Point<'a>>,
    /// Differences below this ratio mean nothing; drawn as a band from 1.
    pub(crate) noise: f64,
}

/// Ratios beyond this are drawn at the edge; the tables have the figures.
const EDGE: f64 = 10.0;

/// Where a ratio lies between 0 at 1 and 1 at [`EDGE`].
fn place(ratio: f64) -> f64 {
    (ratio.clamp(1.0, EDGE)).log10() / EDGE.log10()
}

/// One line for each row, one dot for each allocator, the best at the left.
pub(crate) fn strips(title: &str, strips: &[Strip]) -> String {
    const LEFT: f64 = 210.0;
    const WIDTH: f64 = 700.0;
    const LINE: f64 = 22.0;
    let height = LINE * strips.len() as f64 + 30.0;
    let x = |ratio: f64| LEFT + place(ratio) * (WIDTH - 20.0);
    let mut svg = open(title, LEFT + WIDTH, height);
    for ratio in [1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0] {
        let (x, foot) = (x(ratio), height - 22.0);
        let _ = write!(svg, "<line class='grid' x1='{x:.1}' x2='{x:.1}' y1='0' y2='{foot:.1}'/>");
        let _ =
            write!(svg, "<text class='tick' x='{x:.1}' y='{:.1}'>{ratio}×</text>", height - 6.0);
    }
    for (index, strip) in strips.iter().enumerate() {
        let y = LINE * (index as f64 + 0.5) + 4.0;
        let band = x(1.0 + strip.noise) - LEFT;
        let _ = write!(
            svg,
            "<rect class='noise' x='{LEFT}' y='{:.1}' width='{band:.1}' height='12'/>",
            y - 6.0
        );
        let _ = write!(
            svg,
            "<text class='row' x='{:.1}' y='{:.1}'>{}</text>",
            LEFT - 10.0,
            y + 4.0,
            escape(&strip.name)
        );
        for point in &strip.points {
            dot(
                &mut svg,
                x(point.x),
                y,
                point,
                &format!("{}, {}: {:.2}×", strip.name, point.allocator, point.x),
            );
        }
    }
    svg + "</svg>"
}

/// Time across, memory up; the best corner is the lower left.
pub(crate) fn scatter(title: &str, points: &[Point]) -> String {
    const SIZE: f64 = 190.0;
    const MARGIN: f64 = 26.0;
    let (left, foot, inner) = (MARGIN, SIZE - MARGIN, SIZE - 2.0 * MARGIN);
    let mut svg = open(title, SIZE, SIZE);
    for ratio in [1.0, 2.0, 5.0, 10.0] {
        let (across, up) = (left + place(ratio) * inner, foot - place(ratio) * inner);
        let _ = write!(
            svg,
            "<line class='grid' x1='{across:.1}' x2='{across:.1}' y1='{MARGIN}' y2='{foot:.1}'/>"
        );
        let _ = write!(
            svg,
            "<line class='grid' x1='{left}' x2='{:.1}' y1='{up:.1}' y2='{up:.1}'/>",
            left + inner
        );
        let _ =
            write!(svg, "<text class='tick' x='{across:.1}' y='{:.1}'>{ratio}</text>", foot + 13.0);
        let _ = write!(
            svg,
            "<text class='tick' x='{:.1}' y='{:.1}'>{ratio}</text>",
            left - 12.0,
            up + 3.0
        );
    }
    let _ = write!(svg, "<text class='name' x='{:.1}' y='14'>{}</text>", SIZE / 2.0, escape(title));
    for point in points {
        let about = format!("{}: time {:.2}×, memory {:.2}×", point.allocator, point.x, point.y);
        dot(&mut svg, left + place(point.x) * inner, foot - place(point.y) * inner, point, &about);
    }
    svg + "</svg>"
}

fn open(title: &str, width: f64, height: f64) -> String {
    let title = escape(title);
    format!(
        "<svg role='img' aria-label='{title}' viewBox='0 0 {width} {height}' width='{width}' height='{height}'>"
    )
}

fn dot(svg: &mut String, x: f64, y: f64, point: &Point, about: &str) {
    let (colour, about) = (colour(point.index), escape(about));
    let _ = write!(
        svg,
        "<circle cx='{x:.1}' cy='{y:.1}' r='5' fill='{colour}'><title>{about}</title></circle>"
    );
}

/// Text that is safe between tags and in attributes.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&#39;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{Point, escape, place, scatter};

    #[test]
    fn ratios_are_placed_by_their_logarithm_and_kept_inside() {
        for (ratio, at) in
            [(0.5, 0.0), (1.0, 0.0), (10.0_f64.sqrt(), 0.5), (10.0, 1.0), (99.0, 1.0)]
        {
            assert!((place(ratio) - at).abs() < 1e-9);
        }
    }

    #[test]
    fn names_cannot_break_the_page() {
        let svg = scatter("<b>", &[Point { allocator: "a'", index: 0, x: 1.0, y: 2.0 }]);
        assert!(!svg.contains("<b>") && svg.contains("a&#39;: time 1.00×, memory 2.00×"));
        assert_eq!(escape("a & \"b\""), "a &amp; &quot;b&quot;");
    }
}
