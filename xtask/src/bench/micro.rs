//! Single operations of every layer, measured by criterion; its estimates become lines of the record.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{
    packages,
    record::{Line, Micro, Writer},
};
use crate::process;

/// What criterion writes beside each estimate.
#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
    confidence_interval: Interval,
}

#[derive(Deserialize)]
struct Interval {
    lower_bound: f64,
    upper_bound: f64,
}

fn cargo_bench(args: &[&str]) -> Command {
    let mut cargo = process::cargo(&["bench", "--profile", "compare"]);
    // The runners have the bench of those who are built on demand.
    cargo.args(["--package", "stratalloc-benches", "--package", "stratalloc-runners"]);
    cargo.args(["--features", "stratalloc-runners/peers", "--bench", "*"]).args(args);
    cargo
}

/// Builds criterion's benches, so that nothing is built between measurements.
pub(crate) fn build() -> Result<()> {
    packages::need_compilers()?;
    process::step("build single operations", &mut cargo_bench(&["--no-run"])).map(drop)
}

/// Runs criterion's benches and records what they estimate.
pub(crate) fn measure(quick: bool, writer: &mut Writer) -> Result<()> {
    let folder = process::target_dir().join("criterion");
    // What an earlier run left would be taken for this one's.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let effort: &[&str] = if quick {
        &["--", "--quick"]
    } else {
        &["--", "--warm-up-time", "0.3", "--measurement-time", "1"]
    };
    process::step("single operations (criterion)", &mut cargo_bench(effort))?;
    let mut found = Vec::new();
    collect(&folder, &mut found)?;
    found.sort_by(|a, b| (&a.operation, &a.allocator).cmp(&(&b.operation, &b.allocator)));
    found.into_iter().try_for_each(|micro| writer.write(&Line::Micro(micro)))
}

/// Every estimate below `folder`.
fn collect(folder: &Path, found: &mut Vec<Micro>) -> Result<()> {
    if folder.ends_with("new") {
        found.extend(read(folder)?);
        return Ok(());
    }
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        }
    }
    Ok(())
}

fn read(folder: &Path) -> Result<Option<Micro>> {
    let benchmark: Benchmark = serde_json::from_slice(&fs::read(folder.join("benchmark.json"))?)?;
    let Estimates { median } = serde_json::from_slice(&fs::read(folder.join("estimates.json"))?)?;
    let Some(allocator) = benchmark.function_id else { return Ok(None) };
    Ok(Some(Micro {
        operation: benchmark.group_id,
        allocator,
        median_ns: median.point_estimate,
        low_ns: median.confidence_interval.lower_bound,
        high_ns: median.confidence_interval.upper_bound,
    }))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Micro, collect};

    #[test]
    fn estimates_are_found_in_criterion_s_folders() -> anyhow::Result<()> {
        let folder = std::env::temp_dir().join(format!("stratalloc-micro-{}", std::process::id()));
        let new = folder.join("pool_take").join("slab").join("new");
        fs::create_dir_all(&new)?;
        fs::write(new.join("benchmark.json"), r#"{"group_id":"pool/take","function_id":"slab"}"#)?;
        let interval = r#"{"lower_bound":2.0,"upper_bound":4.0}"#;
        let estimates =
            format!(r#"{{"median":{{"point_estimate":3.0,"confidence_interval":{interval}}}}}"#);
        fs::write(new.join("estimates.json"), estimates)?;
        let mut found = Vec::new();
        collect(&folder, &mut found)?;
        fs::remove_dir_all(&folder)?;
        let (operation, allocator) = ("pool/take".to_owned(), "slab".to_owned());
        assert_eq!(
            found,
            [Micro { operation, allocator, median_ns: 3.0, low_ns: 2.0, high_ns: 4.0 }]
        );
        Ok(())
    }
}
