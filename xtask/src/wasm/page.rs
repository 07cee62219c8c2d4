//! The tables of the page.

use std::{fmt::Write, fs, path::Path, process::Command};

use anyhow::{Context, Result};

use super::times::Times;
use crate::process;

/// Returns the table of bytes: what each allocator adds to the program that has the least, optimized for size and for
/// speed.
pub(super) fn sizes(least: [u64; 2], rows: &[(&str, [u64; 2])]) -> String {
    let mut text = String::from(
        "| allocator | bytes added at `opt-level = \"z\"` | at `opt-level = 3` |\n|---|--:|--:|\n",
    );
    for (name, bytes) in rows {
        let added = |at: usize| grouped(bytes[at].saturating_sub(least[at]));
        writeln!(text, "| {} | {} | {} |", shown(name), added(0), added(1)).expect("a string");
    }
    let [size, speed] = least.map(grouped);
    writeln!(text, "| (the program without) | {size} | {speed} |").expect("a string");
    text
}

/// Returns the table of times: milliseconds and pages of each workload with each allocator, and the geometric mean over
/// the workloads that all could do.
pub(super) fn speed(names: &[&str], times: &Times) -> Result<String> {
    let heads: Vec<_> = names.iter().map(|name| shown(name)).collect();
    let mut text = format!("| workload | {} |\n|---|", heads.join(" | "));
    writeln!(text, "{}", "--:|".repeat(names.len()))?;
    for workload in times.workloads() {
        let cells = names.iter().map(|name| match times.cell(workload, name) {
            Some(cell) => format!("{:.1} ({})", cell.milliseconds, cell.pages),
            None => "fails".to_owned(),
        });
        writeln!(text, "| `{workload}` | {} |", cells.collect::<Vec<_>>().join(" | "))?;
    }
    let means = means(names, times).context("no workload that all allocators can do")?;
    let means: Vec<_> = means.iter().map(|mean| format!("{mean:.2}")).collect();
    writeln!(text, "| geometric mean, ours 1 | {} |", means.join(" | "))?;
    Ok(text)
}

/// Returns the geometric mean of each allocator's times over the first's.
fn means(names: &[&str], times: &Times) -> Option<Vec<f64>> {
    let all = |workload: &str| -> Option<Vec<f64>> {
        names.iter().map(|name| Some(times.cell(workload, name)?.milliseconds)).collect()
    };
    let rows: Vec<_> = times.workloads().into_iter().filter_map(all).collect();
    let count = if rows.is_empty() { return None } else { rows.len() as f64 };
    let mean = |at: usize| {
        let sum: f64 = rows.iter().map(|row| (row[at] / row[0]).ln()).sum();
        (sum / count).exp()
    };
    Some((0..names.len()).map(mean).collect())
}

/// Returns the machine, node's version and the day, in a line.
pub(super) fn measured_on(node: &Path, rounds: u32) -> Result<String> {
    let version = process::said(Command::new(node).arg("--version"))?;
    let day = process::said(Command::new("date").args(["-u", "+%F"]))?;
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let model = model.unwrap_or("an unknown processor");
    Ok(format!("{day}, {model}, node {version}; medians of {rounds} rounds."))
}

/// An allocator in a table: ours stands out.
fn shown(name: &str) -> String {
    if name == super::ALLOCATORS[0] { format!("**{name}**") } else { format!("`{name}`") }
}

/// A number with a comma before each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{super::times::tests::example, *};

    #[test]
    fn sizes_are_what_is_added() {
        let table =
            sizes([8000, 10_000], &[("stratalloc", [10_100, 13_456]), ("talc", [8001, 9999])]);
        assert!(table.contains("| **stratalloc** | 2,100 | 3,456 |\n"), "{table}");
        assert!(table.contains("| `talc` | 1 | 0 |\n"), "{table}");
        assert!(table.ends_with("| (the program without) | 8,000 | 10,000 |\n"), "{table}");
    }

    #[test]
    fn the_mean_is_over_what_all_can_do() {
        let table = speed(&["ours", "theirs"], &example()).unwrap();
        assert!(table.contains("| `pairs` | 2.0 (18) | 4.5 (20) |\n"), "{table}");
        assert!(table.contains("| `trees` | 10.0 (30) | fails |\n"), "{table}");
        assert!(table.ends_with("| geometric mean, ours 1 | 1.00 | 2.25 |\n"), "{table}");
    }
}
