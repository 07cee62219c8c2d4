//! Which rows are run.

use anyhow::Result;
use stratalloc_samples::Entry;

use super::{launch::Launch, options::Options, row::Row, runners::Runner};
use crate::process;

/// The rows of linked workloads that `options` ask for.
pub(crate) fn linked(options: &Options, runners: &[Runner]) -> Result<Vec<Row>> {
    // Nobody to be linked into: only libraries were asked for.
    let Some(first) = runners.first() else { return Ok(Vec::new()) };
    let listed = process::output(&mut first.command(&["list"]))?;
    let mut rows = Vec::new();
    for line in String::from_utf8(listed.stdout)?.lines() {
        let entry: Entry = serde_json::from_str(line)?;
        for threads in options.threads_of(&entry) {
            let launch =
                |runner| Launch::workload(runner, &entry.workload, threads, options.scale());
            let launches = runners.iter().map(launch).collect();
            rows.push(Row { entry: entry.clone(), threads, launches });
        }
    }
    Ok(rows)
}
