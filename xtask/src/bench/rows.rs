//! Which rows are run.

use anyhow::Result;
use stratalloc_samples::Entry;

use super::{Options, launch::Launch, runners::Runner};
use crate::process;

/// A workload on a number of threads, and everyone who runs it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) entry: Entry,
    pub(crate) threads: usize,
    pub(crate) launches: Vec<Launch>,
}

impl Options {
    /// The rows of linked workloads that are asked for.
    pub(crate) fn linked(&self, runners: &[Runner]) -> Result<Vec<Row>> {
        // Nobody to be linked into: only libraries were asked for.
        let Some(first) = runners.first() else { return Ok(Vec::new()) };
        let listed = process::output(&mut first.command(&["list"]))?;
        let mut rows = Vec::new();
        for line in String::from_utf8(listed.stdout)?.lines() {
            let entry: Entry = serde_json::from_str(line)?;
            for threads in self.threads_of(&entry) {
                let launch =
                    |runner| Launch::workload(runner, &entry.workload, threads, self.scale());
                let launches = runners.iter().map(launch).collect();
                rows.push(Row { entry: entry.clone(), threads, launches });
            }
        }
        Ok(rows)
    }

    /// Whether a workload is asked for.
    pub(crate) fn wants(&self, entry: &Entry) -> bool {
        let named = self.filter.contains(&entry.workload);
        let fits = |filter: &String| {
            entry.level == *filter
                || entry.workload.contains(filter)
                || entry.about.contains(filter)
        };
        let size = match entry.size.as_str() {
            "quick" => true,
            "long" => named || !(self.quick || self.instructions),
            _ => named,
        };
        size && (self.filter.is_empty() || self.filter.iter().any(fits))
    }

    /// The numbers of threads to run a workload with; none when it is left out.
    pub(crate) fn threads_of(&self, entry: &Entry) -> Vec<usize> {
        if !self.wants(entry) {
            return Vec::new();
        }
        if !self.threads.is_empty() {
            return self.threads.clone();
        }
        let mut threads = entry.threads.clone();
        if self.instructions {
            threads.retain(|&threads| threads == 1);
        } else if self.quick {
            // Two threads where a workload can: that is where allocators differ most.
            let two = threads.iter().position(|&threads| threads == 2).unwrap_or(0);
            threads = vec![threads[two]];
        }
        threads
    }
}

#[cfg(test)]
mod tests {
    use stratalloc_samples::Entry;

    use super::Options;

    /// The threads that a command line picks for a workload of a size.
    fn picked(line: &str, size: &str) -> Vec<usize> {
        let entry = Entry {
            workload: "sort".to_owned(),
            level: "kind".to_owned(),
            size: size.to_owned(),
            threads: vec![1, 2, 8],
            about: "sorts things".to_owned(),
        };
        Options::parse(line).threads_of(&entry)
    }

    #[test]
    fn rows_are_picked_by_name_level_size_and_threads() {
        assert_eq!(picked("", "quick"), [1, 2, 8]);
        assert_eq!(picked("--quick", "quick"), [2]);
        assert_eq!(picked("--instructions", "quick"), [1]);
        assert_eq!(picked("--threads 3,4", "long"), [3, 4]);
        assert_eq!(picked("--filter kind", "quick"), [1, 2, 8]);
        for (line, size) in [("--quick", "long"), ("", "asked"), ("--filter tree", "quick")] {
            assert!(picked(line, size).is_empty(), "{line}");
        }
        assert_eq!(picked("--filter sort --quick", "asked"), [2]);
    }
}
