//! The picture of the front page: everybody's time against memory, one panel for each group of rows.

use anyhow::Result;
use plotters::prelude::*;

use super::{
    allocators::OWN,
    cell::Measure,
    chart::{Look, looks},
    groups::{Group, groups},
    record::Record,
};

/// Width and height of a panel in pixels.
const PANEL: (u32, u32) = (370, 360);

/// The picture as SVG, and its width and height.
pub(crate) fn draw(record: &Record) -> Result<(String, (u32, u32))> {
    let (groups, looks) = (groups(record), looks(&record.header.allocators));
    let size = (PANEL.0 * u32::try_from(groups.len())?, PANEL.1);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE)?;
        for (area, group) in root.split_evenly((1, groups.len())).iter().zip(&groups) {
            panel(area, group, &looks)?;
        }
        root.present()?;
    }
    Ok((svg, size))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// A dot for each allocator: its mean time across, its mean memory up. Lower left is best.
fn panel(area: &Area, group: &Group, looks: &[Look]) -> Result<()> {
    let points: Vec<(&Look, f64, f64)> = looks
        .iter()
        .filter(|look| !look.hollow && group.allocators.iter().any(|name| name == look.name))
        .map(|look| {
            (look, group.mean(look.name, Measure::Wall), group.mean(look.name, Measure::Peak))
        })
        .collect();
    let most = |of: fn(&(&Look, f64, f64)) -> f64| points.iter().map(of).fold(1.05, f64::max);
    let (across, up) = (most(|point| point.1), most(|point| point.2));
    let mut chart = ChartBuilder::on(area)
        .caption(group.title, ("sans-serif", 17))
        .margin(10)
        .x_label_area_size(36)
        .y_label_area_size(44)
        // Room for the names, which stand to the right of their dots.
        .build_cartesian_2d(0.97..1.0 + (across - 1.0) * 1.35, 0.95..1.0 + (up - 1.0) * 1.12)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(6)
        .y_labels(6)
        .x_desc("time, over the best of each row")
        .y_desc("peak memory, over the leanest")
        .draw()?;
    let mut taken: Vec<Place> = points
        .iter()
        .map(|(_, x, y)| Place::around(chart.backend_coord(&(*x, *y)), (0, 0), (14, 14)))
        .collect();
    for (look, x, y) in points {
        let (size, weight) = if look.name == OWN { (7, "bold") } else { (5, "normal") };
        chart.draw_series(std::iter::once(Circle::new((x, y), size, look.rgb().filled())))?;
        let dot = chart.backend_coord(&(x, y));
        let (offset, place) = Place::free(look.name, dot, &taken);
        taken.push(place);
        let style = ("sans-serif", 13).into_font().style(FontStyle::from(weight)).color(&BLACK);
        let text = EmptyElement::at((x, y)) + Text::new(look.name.to_owned(), offset, style);
        chart.draw_series(std::iter::once(text))?;
    }
    Ok(())
}

/// A rectangle of pixels: its middle, and half of its width and height.
#[derive(Clone, Copy)]
struct Place {
    middle: (i32, i32),
    half: (i32, i32),
}

impl Place {
    fn around((x, y): (i32, i32), (right, down): (i32, i32), (width, height): (i32, i32)) -> Self {
        Self { middle: (x + right, y + down), half: (width / 2, height / 2) }
    }

    fn overlaps(&self, other: &Self) -> bool {
        (self.middle.0 - other.middle.0).abs() < self.half.0 + other.half.0
            && (self.middle.1 - other.middle.1).abs() < self.half.1 + other.half.1
    }

    /// Where a name goes beside its dot: its offset, and the place it takes. Of several places the first that nothing
    /// else takes; if there is none, the first.
    fn free(name: &str, dot: (i32, i32), taken: &[Self]) -> ((i32, i32), Self) {
        // Letters are this wide on average.
        let width = name.chars().map(|_| 7).sum::<i32>();
        let offsets = [(10, -6), (-width - 4, -6), (4, 6), (4, -20), (-width, 6), (-width, -20)];
        let place = |(right, down): (i32, i32)| {
            ((right, down), Self::around(dot, (right + width / 2, down + 6), (width, 12)))
        };
        let is_free = |(_, place): &(_, Self)| !taken.iter().any(|other| other.overlaps(place));
        offsets.map(place).into_iter().find(is_free).unwrap_or(place(offsets[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{losses::tests::lost, report::fixture};

    #[test]
    fn every_allocator_has_a_dot_with_its_name() {
        for (record, names) in [(fixture(), ["fast", "slow"]), (lost(), ["fast", "stratalloc"])] {
            let (svg, size) = super::draw(&record).expect("it can be drawn");
            assert_eq!(size, super::PANEL);
            assert_eq!(svg.matches("<circle").count(), 2);
            assert!(names.iter().all(|name| svg.contains(name)), "{svg}");
        }
    }

    #[test]
    fn names_that_would_meet_go_elsewhere() {
        let mut taken = Vec::new();
        for _ in 0..3 {
            let (_, place) = super::Place::free("name", (50, 50), &taken);
            assert!(!taken.iter().any(|other: &super::Place| other.overlaps(&place)));
            taken.push(place);
        }
    }
}
