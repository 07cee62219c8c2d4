//! Resident memory against time, one line for each allocator.

use anyhow::Result;
use plotters::prelude::*;

use crate::bench::{allocators::OWN, chart::Look, record::Memory};

/// Width and height in pixels.
const SIZE: (u32, u32) = (520, 300);

/// The curves of one workload as SVG, with a dotted line for what lived at the end of each phase; the first run of
/// each allocator is drawn.
pub(crate) fn curves(runs: &[&Memory], looks: &[Look]) -> Result<String> {
    let points = || runs.iter().flat_map(|memory| &memory.curve);
    let end = points().map(|point| point.0).max().unwrap_or(0).max(1);
    let most = points().map(|point| point.1).max().unwrap_or(0).max(1_024);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin(6)
            .x_label_area_size(26)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..f64::from(end) / 1e3, 0.0..f64::from(most) / 1024.0 * 1.05)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("seconds")
            .y_desc("MiB resident")
            .draw()?;
        for look in looks {
            let own = |memory: &&&Memory| memory.run.allocator == look.name;
            let Some(memory) = runs.iter().find(own) else { continue };
            let width = if look.name == OWN { 3 } else { 1 };
            let style = look.rgb().stroke_width(width);
            let line = memory
                .curve
                .iter()
                .map(|(at, kib)| (f64::from(*at) / 1e3, f64::from(*kib) / 1024.0));
            chart.draw_series(LineSeries::new(line, style))?;
        }
        root.present()?;
    }
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::{super::phases::tests::fixture, curves};
    use crate::bench::{chart::looks, record::Memory};

    #[test]
    fn each_allocator_has_a_line_in_its_colour() {
        let record = fixture();
        let looks = looks(&record.header.allocators);
        let runs: Vec<&Memory> = record.memory().collect();
        let svg = curves(&runs, &looks).expect("it can be drawn");
        for look in &looks {
            assert!(svg.contains(&look.colour.to_uppercase()), "{} is missing in {svg}", look.name);
        }
    }
}
