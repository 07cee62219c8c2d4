//! What a profiler says that a function holds.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use stratalloc_profile::{Profile, Quantity, Symbols};

use super::tool::Format;
use crate::process;

/// The functions of the program that hold memory: the leak, and what holds it by right.
pub(super) const HOLDERS: [&str; 2] = ["audit", "cache"];

/// What was found, or is true: the bytes live at the end by each of [`HOLDERS`].
pub(super) type Held = [f64; HOLDERS.len()];

/// The files that a profiler left, whose paths begin so.
pub(super) fn outputs(out: &Path) -> Result<Vec<PathBuf>> {
    let start = out.file_name().context("a folder")?.to_string_lossy().into_owned();
    let mut files = Vec::new();
    for entry in fs::read_dir(out.parent().context("no folder")?)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&start)) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads what a profiler found in the program's run.
pub(super) fn read(format: Format, output: &Path, program: &Path) -> Result<Held> {
    let held = match format {
        Format::Own => of_profile(&fs::read_to_string(output)?.parse()?),
        Format::Pprof(script) => {
            let mut command = Command::new(script);
            let text = command.args(["--text", "--show_bytes"]).args([program, output]);
            let text = process::said(text)?;
            HOLDERS.map(|function| in_table(&text, function) as f64)
        }
        Format::Heaptrack => {
            let stacks = output.with_extension("folded");
            let mut print = Command::new("heaptrack_print");
            print.args(["--flamegraph-cost-type", "leaked", "--print-flamegraph"]).arg(&stacks);
            process::said(print.arg("--file").arg(output))?;
            let stacks = fs::read_to_string(stacks)?;
            HOLDERS.map(|function| in_stacks(&stacks, function) as f64)
        }
    };
    ensure!(held.iter().any(|&bytes| bytes > 0.0), "nothing is found in {}", output.display());
    Ok(held)
}

fn of_profile(profile: &Profile) -> Held {
    let mut symbols = Symbols::new(profile);
    let mut held = Held::default();
    for site in &profile.sites {
        let bytes = site.figures(Quantity::Live).bytes as f64;
        let trace = symbols.trace(site);
        for (held, function) in held.iter_mut().zip(HOLDERS) {
            if trace.iter().any(|(_, frame)| frame.function == function) {
                *held += bytes;
            }
        }
    }
    held
}

/// The fourth column of pprof's table: what a function and those that it called hold.
fn in_table(text: &str, function: &str) -> u64 {
    let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let of_function = rows.filter(|row| row.get(5) == Some(&function));
    of_function.filter_map(|row| row[3].parse::<u64>().ok()).sum()
}

/// The sum of the folded stacks that lead through a function.
fn in_stacks(text: &str, function: &str) -> u64 {
    let start = format!("{function} (");
    let through = |stack: &str| stack.split(';').any(|frame| frame.starts_with(&start));
    let lines = text.lines().filter_map(|line| line.rsplit_once(' '));
    lines
        .filter(|(stack, _)| through(stack))
        .filter_map(|(_, bytes)| bytes.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_pprof_have_what_a_function_and_its_callees_hold() {
        let text = "Total: 99331786 B\n\
            98765252  99.4%  99.4% 98765252  99.4% filled (inline)\n       \
            0   0.0% 100.0% 57690455  58.1% audit\n       \
            0   0.0% 100.0% 41074796  41.4% cache\n";
        assert_eq!(HOLDERS.map(|function| in_table(text, function)), [57_690_455, 41_074_796]);
        assert_eq!(in_table(text, "parse"), 0);
    }

    #[test]
    fn folded_stacks_are_summed_by_function() {
        let text = "clone3 (clone3.S);serve (service.c);filled (service.c);audit (service.c); 30\n\
            clone3 (clone3.S);serve (service.c);cache (service.c); 5\n\
            main (service.c);audit (service.c); 4\nmain (service.c);audited (service.c); 100\n";
        assert_eq!(HOLDERS.map(|function| in_stacks(text, function)), [34, 5]);
    }
}
