//! Charts as inline SVG: no script, no network, readable in light and dark.

use std::fmt::Write;

use plotters::style::RGBColor;

use super::allocators::{OWN, once};

/// Colours that stay apart for most eyes, in the order of the allocators.
const COLOURS: [&str; 12] = [
    "#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#8c564b", "#d55e00", "#7f7f7f", "#bcbd22",
    "#9467bd", "#17becf", "#e377c2", "#0072b2",
];

/// How an allocator is drawn: the same in every chart of a page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Look<'a> {
    pub(crate) name: &'a str,
    pub(crate) colour: &'static str,
    /// A ring instead of a dot: it is the same allocator as another.
    pub(crate) hollow: bool,
}

impl Look<'_> {
    /// Its colour in parts.
    pub(crate) fn rgb(&self) -> RGBColor {
        let part = |at: usize| u8::from_str_radix(&self.colour[at..at + 2], 16).unwrap_or(0);
        RGBColor(part(1), part(3), part(5))
    }

    /// What fills its dots.
    pub(crate) fn fill(&self) -> &'static str {
        if self.hollow { "none" } else { self.colour }
    }
}

/// How to draw the allocators of a record.
pub(crate) fn looks(allocators: &[String]) -> Vec<Look<'_>> {
    let look = |(index, name): (usize, &'_ String)| {
        let first = allocators.iter().position(|other| *other == once(name)).unwrap_or(index);
        (COLOURS[first % COLOURS.len()], first != index)
    };
    let drawn = allocators.iter().enumerate().map(look);
    allocators
        .iter()
        .zip(drawn)
        .map(|(name, (colour, hollow))| Look { name, colour, hollow })
        .collect()
}

/// A point of a chart: an allocator and its ratios, 1 or more each.
pub(crate) struct Point<'a> {
    pub(crate) look: Look<'a>,
    pub(crate) x: f64,
    pub(crate) y: f64,
}

/// A row of dots on a logarithmic scale.
pub(crate) struct Strip<'a> {
    pub(crate) name: String,
    /// `y` is not used.
    pub(crate) points: Vec<Point<'a>>,
    /// A typical spread; drawn as a band from 1.
    pub(crate) spread: Option<f64>,
}

/// Ratios beyond this are drawn at the edge; the tables have the figures.
const EDGE: f64 = 10.0;

/// Where a ratio lies between 0 at 1 and 1 at [`EDGE`].
fn place(ratio: f64) -> f64 {
    (ratio.clamp(1.0, EDGE)).log10() / EDGE.log10()
}

/// Two bars for each allocator, from zero: time in full colour, memory below it in pale. The shortest time is first.
pub(crate) fn bars(title: &str, points: &[Point]) -> String {
    const LEFT: f64 = 92.0;
    const UNIT: f64 = 63.0;
    const MOST: f64 = 3.0;
    let mut points: Vec<&Point> = points.iter().collect();
    points.sort_by(|a, b| a.x.total_cmp(&b.x));
    let mut svg = open(title, LEFT + MOST * UNIT + 36.0, 30.0 * points.len() as f64 + 4.0);
    let foot = 30.0 * points.len() as f64;
    let best = LEFT + UNIT;
    for (index, point) in points.iter().enumerate() {
        let (y, look) = (30.0 * index as f64, point.look);
        let name = escape(look.name);
        let _ = write!(svg, "<text class='row' x='{}' y='{}'>{name}</text>", LEFT - 8.0, y + 17.0);
        for (down, ratio, opacity, what) in
            [(3.0, point.x, 1.0, "time"), (14.0, point.y, 0.45, "peak memory")]
        {
            let width = UNIT * ratio.min(MOST);
            let (top, end) = (y + down, LEFT + width + 4.0);
            let _ = write!(
                svg,
                "<rect x='{LEFT}' y='{top}' width='{width:.1}' height='10' fill='{}' fill-opacity='{opacity}'>\
                 <title>{name}: {what} {ratio:.2}×</title></rect>\
                 <text class='value' x='{end:.1}' y='{}'>{ratio:.2}</text>",
                look.colour,
                top + 9.0
            );
        }
    }
    let _ = write!(svg, "<line class='grid' x1='{best}' x2='{best}' y1='0' y2='{foot}'/>");
    svg + "</svg>"
}

/// One line for each row, one dot for each allocator, the best at the left.
pub(crate) fn strips(title: &str, strips: &[Strip]) -> String {
    const LEFT: f64 = 200.0;
    const WIDTH: f64 = 840.0;
    const LINE: f64 = 20.0;
    const TOP: f64 = 18.0;
    let height = LINE * strips.len() as f64 + 2.0 * TOP;
    let x = |ratio: f64| LEFT + 8.0 + place(ratio) * (WIDTH - 30.0);
    let mut svg = open(title, LEFT + WIDTH, height);
    for (index, strip) in strips.iter().enumerate() {
        strip_row(&mut svg, strip, TOP + LINE * index as f64, index, (LEFT, WIDTH), &x);
    }
    for ratio in [1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0] {
        let x = x(ratio);
        let _ = write!(
            svg,
            "<line class='grid' x1='{x:.1}' x2='{x:.1}' y1='{TOP}' y2='{:.1}'/>",
            height - TOP
        );
        for y in [TOP - 6.0, height - 5.0] {
            let _ = write!(svg, "<text class='tick' x='{x:.1}' y='{y:.1}'>{ratio}×</text>");
        }
    }
    for (index, strip) in strips.iter().enumerate() {
        let y = TOP + LINE * (index as f64 + 0.5);
        for point in &strip.points {
            let about = format!("{}, {}: {:.2}×", strip.name, point.look.name, point.x);
            dot(&mut svg, (x(point.x), y), point.look, &about);
        }
    }
    svg + "</svg>"
}

/// What lies behind the dots of a row: a stripe, its name and its spread.
fn strip_row(
    svg: &mut String,
    strip: &Strip,
    top: f64,
    index: usize,
    (left, width): (f64, f64),
    x: &impl Fn(f64) -> f64,
) {
    if index.is_multiple_of(2) {
        let all = left + width;
        let _ = write!(svg, "<rect class='stripe' x='0' y='{top}' width='{all}' height='20'/>");
    }
    let (start, end) = (x(1.0), x(1.0 + strip.spread.unwrap_or(0.0)));
    let _ = write!(
        svg,
        "<rect class='noise' x='{start:.1}' y='{top}' width='{:.1}' height='20'/>",
        end - start
    );
    let name = escape(&strip.name);
    let _ = write!(svg, "<text class='row' x='{}' y='{}'>{name}</text>", left - 8.0, top + 14.0);
}

/// Time across, memory up; the best corner is the lower left.
pub(crate) fn scatter(title: &str, points: &[Point]) -> String {
    const SIZE: f64 = 205.0;
    const MARGIN: f64 = 28.0;
    let (left, foot, inner) = (MARGIN, SIZE - MARGIN, SIZE - 2.0 * MARGIN);
    let mut svg = open(title, SIZE, SIZE);
    for ratio in [1.0, 2.0, 5.0, 10.0] {
        let (across, up) = (left + place(ratio) * inner, foot - place(ratio) * inner);
        let end = left + inner;
        let _ = write!(
            svg,
            "<line class='grid' x1='{across:.1}' x2='{across:.1}' y1='{MARGIN}' y2='{foot:.1}'/>\
             <line class='grid' x1='{left}' x2='{end:.1}' y1='{up:.1}' y2='{up:.1}'/>\
             <text class='tick' x='{across:.1}' y='{:.1}'>{ratio}</text>\
             <text class='tick' x='{:.1}' y='{:.1}'>{ratio}</text>",
            foot + 14.0,
            left - 13.0,
            up + 3.0
        );
    }
    let middle = SIZE / 2.0;
    let name = escape(title);
    let _ = write!(
        svg,
        "<text class='name' x='{middle}' y='15'>{name}</text>\
         <text class='tick' x='{middle}' y='{:.1}'>time →</text>\
         <text class='tick' x='8' y='{middle}' transform='rotate(-90 8 {middle})'>memory →</text>",
        SIZE - 3.0
    );
    for point in points {
        let Point { look, x, y } = point;
        let about = format!("{}: time {x:.2}×, memory {y:.2}×", look.name);
        dot(&mut svg, (left + place(*x) * inner, foot - place(*y) * inner), *look, &about);
    }
    svg + "</svg>"
}

fn open(title: &str, width: f64, height: f64) -> String {
    let title = escape(title);
    format!(
        "<svg role='img' aria-label='{title}' viewBox='0 0 {width} {height}' width='{width}' height='{height}'>"
    )
}

fn dot(svg: &mut String, (x, y): (f64, f64), look: Look, about: &str) {
    let (fill, colour, about) = (look.fill(), look.colour, escape(about));
    // Ours has a rim: it is what readers of this report look for.
    let (class, radius) = if look.name == OWN { (" class='own'", 5.5) } else { ("", 4.5) };
    let _ = write!(
        svg,
        "<circle{class} cx='{x:.1}' cy='{y:.1}' r='{radius}' fill='{fill}' stroke='{colour}'><title>{about}</title>\
         </circle>"
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
    use super::{Point, escape, looks, place, scatter};

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
        let names = ["a'".to_owned()];
        let svg = scatter("<b>", &[Point { look: looks(&names)[0], x: 1.0, y: 2.0 }]);
        assert!(!svg.contains("<b>") && svg.contains("a&#39;: time 1.00×, memory 2.00×"));
        assert_eq!(escape("a & \"b\""), "a &amp; &quot;b&quot;");
    }

    #[test]
    fn the_same_allocator_twice_is_a_dot_and_a_ring_of_one_colour() {
        let names = ["a", "b", "b-again"].map(str::to_owned);
        let looks = looks(&names);
        assert_eq!((looks[1].colour, looks[1].hollow), (looks[2].colour, false));
        assert!(looks[2].hollow && looks[0].colour != looks[1].colour);
    }
}
