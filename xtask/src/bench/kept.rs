//! Records that are kept in the repository: one of a kind for each machine, a line a row instead of a line a run.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{
    record::{Header, Line, Memory, Record, Writer},
    statistics::{rows, summaries},
};
use crate::{files, process};

/// Where the record of `header` is written while it is measured.
pub(crate) fn unfinished(header: &Header) -> PathBuf {
    process::target_dir().join("bench").join(&header.date).with_extension("jsonl")
}

/// Puts a record where it is kept, its runs summed up, in place of the machine's earlier ones that have no more than it:
/// the history of the repository has them still. Gives its path.
pub(crate) fn keep(record: &Record) -> Result<PathBuf> {
    let folder = process::root().join("benches/record").join(&record.header.machine);
    let path = folder.join(&record.header.date).with_extension("jsonl");
    write(record, &path)?;
    replace(&path)?;
    Ok(path)
}

/// Writes a record with its runs summed up.
fn write(record: &Record, path: &Path) -> Result<()> {
    let mut writer = Writer::create(path, record.header.clone())?;
    let mut rows = Some(summaries(record));
    for line in &record.lines {
        match line {
            // All of them where the first one stood.
            Line::Run(_) => {
                let all = rows.take().into_iter().flatten();
                all.map(Line::Row).try_for_each(|row| writer.write(&row))?;
            }
            Line::Memory(memory) => {
                let run = memory.run.clone();
                writer.write(&Line::Memory(Memory { run, curve: Vec::new() }))?;
            }
            line => writer.write(line)?,
        }
    }
    Ok(())
}

/// Removes the earlier records in the folder of a new one that has all that they have.
fn replace(new: &Path) -> Result<()> {
    let record = Record::read(new)?;
    for file in files::files(new.parent().context("a record lies in a folder")?, "jsonl")? {
        if file == new {
            continue;
        }
        if covers(&record, &Record::read(&file)?) {
            fs::remove_file(&file)?;
            eprintln!("replaced: {}", file.display());
        } else {
            eprintln!("kept, since it has what this one has not: {}", file.display());
        }
    }
    Ok(())
}

/// Returns whether a record has all rows of another, and all allocators.
fn covers(record: &Record, other: &Record) -> bool {
    let all = |record: &Record| -> BTreeSet<(String, usize)> {
        let timed = rows(record).into_iter().map(|row| (row.workload, row.threads));
        let looked = record.memory().map(|memory| (memory.run.workload.clone(), 0));
        timed.chain(looked).collect()
    };
    let has = |name: &String| record.header.allocators.contains(name);
    all(other).is_subset(&all(record)) && other.header.allocators.iter().all(has)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::report::fixture, Line, Record, Writer, replace, rows, write};

    fn folder(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("stratalloc-{name}-{}", std::process::id()))
    }

    #[test]
    fn a_record_replaces_those_that_it_covers() -> anyhow::Result<()> {
        let folder = folder("records");
        let fixture = fixture();
        let write = |name: &str, keep: fn(&Line) -> bool| -> anyhow::Result<_> {
            let path = folder.join(name);
            let mut writer = Writer::create(&path, fixture.header.clone())?;
            let mut lines = fixture.lines.iter().filter(|line| keep(line));
            lines.try_for_each(|line| writer.write(line)).map(|()| path)
        };
        let is_tree = |line: &Line| matches!(line, Line::Run(run) if run.workload == "tree");
        let (all, tree) = (write("all.jsonl", |_| true)?, write("tree.jsonl", is_tree)?);
        replace(&tree)?;
        assert!(all.exists() && tree.exists(), "it has other rows");
        replace(&all)?;
        assert!(all.exists() && !tree.exists());
        fs::remove_dir_all(&folder)?;
        Ok(())
    }

    #[test]
    fn what_is_kept_has_a_line_a_row_and_says_the_same() -> anyhow::Result<()> {
        let (folder, fixture) = (folder("kept"), fixture());
        let path = folder.join("kept.jsonl");
        write(&fixture, &path)?;
        let kept = Record::read(&path)?;
        fs::remove_dir_all(&folder)?;
        assert_eq!((kept.runs().count(), kept.summaries().count()), (0, 2));
        assert_eq!(kept.failures().count(), fixture.failures().count());
        assert_eq!(format!("{:?}", rows(&kept)), format!("{:?}", rows(&fixture)));
        Ok(())
    }
}
