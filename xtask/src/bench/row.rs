//! A row of a comparison: a workload, and everyone who runs it.

use anyhow::{Context, Result};
use stratalloc_samples::{Entry, Run};

use super::{
    launch::Launch,
    record::{Failure, Line},
};

/// A workload on a number of threads, and everyone who runs it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) entry: Entry,
    pub(crate) threads: usize,
    pub(crate) launches: Vec<Launch>,
}

impl Row {
    /// Runs one of its launches to its end, and gives a line for the record.
    pub(crate) fn run(&self, launch: &Launch, processors: Option<usize>) -> Result<Line> {
        Ok(match launch.run(processors, None)? {
            Ok(output) => Line::Run(serde_json::from_str::<Run>(&output).context(output)?),
            Err(reason) => Line::Failure(self.failure(launch, reason)),
        })
    }

    /// What the record says of a launch that did not end well.
    pub(crate) fn failure(&self, launch: &Launch, reason: String) -> Failure {
        let (workload, threads) = (self.entry.workload.clone(), self.threads);
        Failure { workload, threads, allocator: launch.allocator.clone(), reason }
    }
}
