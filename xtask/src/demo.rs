//! `cargo xtask demo`: real programs with the library and without, side by side.

use std::{ffi::OsString, fs, path::PathBuf};

use anyhow::{Result, ensure};
use comfy_table::{CellAlignment, Table, presets};

use crate::{
    library,
    measure::Cost,
    process,
    script::{Ran, Script, difference},
};

/// Runs real programs with the library and without, checks that their output is the same, and
/// compares time and memory.
#[derive(clap::Args)]
pub(crate) struct Demo {
    /// How often each program runs; the least time and the least memory are shown.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// A program with the system's allocator and with ours.
struct Row {
    about: String,
    without: Cost,
    with: Cost,
}

impl Demo {
    pub(crate) fn run(self) -> Result<()> {
        ensure!(self.rounds > 0, "no rounds, no figures");
        let library = library::build()?;
        let examples = Examples::build()?;
        let mut rows = Vec::new();
        for (name, about) in EXAMPLES {
            rows.push(self.row(about, |ours| examples.run(name, ours))?);
        }
        for script in Script::all()?.iter().filter(|script| script.is_used("demo")) {
            script.prepare()?;
            rows.push(self.row(&script.about, |ours| script.run(ours.then_some(&*library)))?);
        }
        println!("\n{}\n{}", table(&rows), meaning(&rows));
        Ok(())
    }

    /// Runs a program in turn without and with the library, and checks each pair of outputs.
    fn row(&self, about: &str, run: impl Fn(bool) -> Result<Ran>) -> Result<Row> {
        process::step_checked(about, || {
            let mut costs = Vec::new();
            for _ in 0..self.rounds {
                let (without, with) = (run(false)?, run(true)?);
                if let Some(difference) = difference(&without.output, &with.output) {
                    anyhow::bail!("the outputs differ: {difference}");
                }
                costs.push((without.cost, with.cost));
            }
            let (without, with): (Vec<_>, Vec<_>) = costs.into_iter().unzip();
            let least = |costs| Cost::least(costs).expect("at least one round");
            Ok(Row { about: about.to_owned(), without: least(without), with: least(with) })
        })
    }
}

/// Example programs of the front door that have a twin `…_system` with the system's allocator, and what they do.
const EXAMPLES: [(&str, &str); 2] = [
    ("geometry", "geometry on a rayon pool (in Rust)"),
    ("service", "a service of tokio tasks: JSON over channels (in Rust)"),
];

/// The example programs, built once for each allocator.
struct Examples {
    folder: PathBuf,
}

impl Examples {
    fn build() -> Result<Self> {
        let args = ["build", "--release", "--package", "stratalloc", "--examples"];
        process::step("build the programs in Rust", &mut process::cargo(&args))?;
        Ok(Self { folder: process::target_dir().join("release/examples") })
    }

    fn run(&self, name: &str, ours: bool) -> Result<Ran> {
        let program =
            self.folder.join(if ours { name.to_owned() } else { format!("{name}_system") });
        let file = process::target_dir().join(format!("{name}.cost"));
        let output =
            process::output(&mut Cost::measuring(&file, &[OsString::from(program.clone())]))?;
        ensure!(output.status.success(), "{}: {}", program.display(), output.status);
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        let cost = Cost::read(&file)?;
        fs::remove_file(file)?;
        Ok(Ran { output, cost })
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header([
        "program, same output both ways",
        "time s: system",
        "ours",
        "ratio",
        "peak MB: system",
        "ours",
        "ratio",
    ]);
    for row in rows {
        let seconds = |cost: &Cost| format!("{:.2}", cost.time.as_secs_f64());
        let megabytes = |cost: &Cost| format!("{:.1}", cost.peak as f64 / 1024.0);
        table.add_row([
            row.about.clone(),
            seconds(&row.without),
            seconds(&row.with),
            format!("{:.2}", row.time_ratio()),
            megabytes(&row.without),
            megabytes(&row.with),
            format!("{:.2}", row.peak_ratio()),
        ]);
    }
    table
        .column_iter_mut()
        .skip(1)
        .for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

impl Row {
    fn time_ratio(&self) -> f64 {
        self.with.time.as_secs_f64() / self.without.time.as_secs_f64()
    }

    fn peak_ratio(&self) -> f64 {
        self.with.peak as f64 / self.without.peak as f64
    }
}

/// What the table means, in a line.
fn meaning(rows: &[Row]) -> String {
    let [time, peak] = [Row::time_ratio, Row::peak_ratio]
        .map(|ratio| geometric_mean(&rows.iter().map(ratio).collect::<Vec<_>>()));
    let side = |ratio: f64| if ratio < 1.0 { "less" } else { "more" };
    let percent = |ratio: f64| (ratio - 1.0).abs() * 100.0;
    format!(
        "All {} programs gave the same output with the library as without; in the geometric mean they \
         took {:.0} % {} time and {:.0} % {} memory. Differences in time under a tenth are noise.",
        rows.len(),
        percent(time),
        side(time),
        percent(peak),
        side(peak),
    )
}

fn geometric_mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn cost(millis: u64, peak: u64) -> Cost {
        let time = Duration::from_millis(millis);
        Cost { time, work: time, peak }
    }

    #[test]
    fn the_line_says_who_is_ahead() {
        let row = |with| Row { about: "x".to_owned(), without: cost(1000, 1000), with };
        let line = meaning(&[row(cost(500, 4000)), row(cost(500, 1000))]);
        assert!(line.contains("50 % less time"), "{line}");
        assert!(line.contains("100 % more memory"), "{line}");
    }
}
