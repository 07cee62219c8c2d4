//! `cargo xtask bench levels`: what our builds that check more take over the default one, on the programs in Rust.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::{
    allocators::OWN,
    cell::Measure,
    finish,
    groups::{Group, groups},
    markdown,
    options::Options,
    record::Record,
    row::Row as Planned,
    rows, runners, schedule,
    statistics::{Row, mean},
};
use crate::{marks, process};

/// Our builds, the default one first.
const BUILDS: [(&str, &str); 4] = [
    (OWN, "default"),
    ("stratalloc-checked", "checked"),
    ("stratalloc-hardened", "hardened"),
    ("stratalloc-paranoid", "paranoid"),
];

/// The level of the workloads that count.
const PROGRAMS: &str = "program";

/// How many of the slowest programs of each build are named.
const NAMED: usize = 4;

/// Run the programs in Rust on each of our builds, and say what each takes over the default.
#[derive(clap::Args)]
pub(super) struct Levels {
    #[command(flatten)]
    options: Options,
    /// Measure nothing, but make the table of this record.
    #[arg(long)]
    from: Option<PathBuf>,
    /// Write the table into `docs/SECURITY.md`.
    #[arg(long)]
    write: bool,
}

impl Levels {
    pub(super) fn run(self) -> Result<()> {
        let path = match self.from {
            Some(path) => path,
            None => measure(&self.options)?,
        };
        finish(&path, self.options.open)?;
        let table = table(&Record::read(&path)?)?;
        print!("\n{table}");
        if !self.write {
            return Ok(());
        }
        write(&process::root().join("docs/SECURITY.md"), &table)
    }
}

/// Puts the table between its marks in a page.
fn write(page: &Path, table: &str) -> Result<()> {
    let old = fs::read_to_string(page)?;
    Ok(fs::write(page, marks::insert(&old, "levels table", table)?)?)
}

/// Measures all builds, and gives the record.
fn measure(options: &Options) -> Result<PathBuf> {
    let names = BUILDS.map(|(name, _)| name.to_owned()).to_vec();
    let mut planned = rows::linked(options, &runners::build(names)?)?;
    planned.retain(|Planned { entry, .. }| entry.level == PROGRAMS);
    ensure!(!planned.is_empty(), "no program in Rust is called so");
    let mut writer = options.writer_of(&planned)?;
    schedule::measure(&planned, options, &mut writer)?;
    Ok(writer.path)
}

/// The table of a record, in Markdown.
fn table(record: &Record) -> Result<String> {
    let groups = groups(record);
    let is_measured = |row: &Row| BUILDS.iter().any(|(name, _)| row.cells.contains_key(*name));
    let group = groups.iter().find(|group| group.rows.iter().any(is_measured));
    let group = group.context("the record has no run of our builds")?;
    let mut text = markdown::origin(record, std::slice::from_ref(group));
    let _ = writeln!(
        text,
        "{} % of the standard amount of work. Each figure is over the default build's, the geometric mean of all rows.\n",
        record.header.scale
    );
    text.push_str("| build | time | processor time | peak memory | most processor time over the default's |\n");
    text.push_str("|---|--:|--:|--:|---|\n");
    for (name, build) in
        BUILDS.iter().filter(|(name, _)| group.allocators.iter().any(|own| own == name))
    {
        let _ = write!(text, "| {build} |");
        for measure in [Measure::Wall, Measure::Processor, Measure::Peak] {
            let all = ratios(group, name, measure);
            let _ = write!(text, " {:.2} |", mean(all.iter().map(|(_, ratio)| *ratio)));
        }
        let _ = writeln!(text, " {} |", slowest(group, name));
    }
    Ok(text)
}

/// What a build takes over the default one, in each row in which nobody failed.
fn ratios<'a>(group: &'a Group, name: &str, measure: Measure) -> Vec<(&'a Row, f64)> {
    let ratio = |row: &'a Row| {
        let [own, base] = [name, OWN].map(|name| Some(row.cells.get(name)?.median(measure)));
        Some((row, own?.max(1.0) / base?.max(1.0)))
    };
    group.whole().filter_map(ratio).collect()
}

/// The programs in which a build is furthest behind the default, by name; a dash for the default itself.
fn slowest(group: &Group, name: &str) -> String {
    if name == OWN {
        return "–".to_owned();
    }
    let mut all = ratios(group, name, Measure::Processor);
    all.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let words: Vec<_> =
        all.iter().take(NAMED).map(|(row, ratio)| format!("{} {ratio:.2}", row.name())).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::{
        record::{Line, Record},
        report::fixture,
    };
    use super::{table, write};

    /// A record of two programs that the default build and the hardened one end.
    fn record() -> Record {
        let mut record = fixture();
        record.header.allocators = ["stratalloc", "stratalloc-hardened"].map(str::to_owned).into();
        let mut lines = Vec::new();
        for mut line in std::mem::take(&mut record.lines) {
            match &mut line {
                Line::Workload(entry) => "program".clone_into(&mut entry.level),
                Line::Run(run) => {
                    run.allocator = run.allocator.replace("fast", "stratalloc");
                    run.allocator = run.allocator.replace("slow", "stratalloc-hardened");
                    if run.workload == "tree" {
                        // Half as long again, twice the memory.
                        let mut other = run.clone();
                        "stratalloc-hardened".clone_into(&mut other.allocator);
                        other.cost.user_us += other.cost.user_us / 2;
                        other.cost.peak_rss_kib *= 2;
                        lines.push(Line::Run(other));
                    }
                }
                _ => continue,
            }
            lines.push(line);
        }
        record.lines = lines;
        record
    }

    #[test]
    fn each_build_is_set_against_the_default_one() {
        let text = table(&record()).unwrap();
        for part in [
            "2 processors Test, 4 GiB, Linux 6.18; commit abc; 2 rows, medians of 3 runs. 100 % of",
            "| default | 1.00 | 1.00 | 1.00 | – |",
            // Times of 4 and 1, processor times of 1 and 1.5, memory of 0.5 and 2.
            "| hardened | 2.00 | 1.22 | 1.00 | tree ×1 1.50, sort ×2 1.00 |",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(!text.contains("checked"), "it was not measured:\n{text}");
    }

    #[test]
    fn a_record_of_others_has_no_table() {
        assert!(table(&fixture()).is_err());
    }

    #[test]
    fn the_table_takes_its_place_in_the_page() -> anyhow::Result<()> {
        let page =
            std::env::temp_dir().join(format!("stratalloc-levels-{}.md", std::process::id()));
        let old = |text| {
            format!(
                "before\n<!-- levels table: begin -->\n{text}<!-- levels table: end -->\nafter\n"
            )
        };
        std::fs::write(&page, old("earlier\n"))?;
        write(&page, "now\n")?;
        let new = std::fs::read_to_string(&page)?;
        std::fs::remove_file(&page)?;
        assert_eq!(new, old("now\n"));
        Ok(())
    }
}
