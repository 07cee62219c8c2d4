//! The table as it stands in the docs: with where, when and on what it was made.

use std::{collections::BTreeSet, fmt::Write, process::Command};

use anyhow::Result;

use super::table::{self, Row};
use crate::{
    bench::{
        load::{self, Meter},
        machine,
    },
    process,
    script::Script,
};

/// What is to be known before the first program runs.
pub(super) struct Page {
    date: String,
    meter: Meter,
}

impl Page {
    pub(super) fn begin() -> Result<Self> {
        Ok(Self { date: machine::now()?, meter: Meter::start()? })
    }

    /// The text, once all programs ran.
    pub(super) fn end(self, scripts: &[Script], rows: &[Row], rounds: usize) -> Result<String> {
        let (day, time) = self.date.split_once('T').unwrap_or((&self.date, ""));
        let time: Vec<&str> = time.split('-').take(2).collect();
        let mut text = format!(
            "{day} {} UTC; {}; commit {}. ",
            time.join(":"),
            machine::system()?,
            machine::commit()
        );
        if rounds > 1 {
            write!(text, "The least of up to {rounds} runs each way. ")?;
        }
        let noise = self.meter.stop()?;
        if noise.others + noise.stolen > load::BUSY {
            write!(text, "A busy machine: {}. ", noise.words())?;
        }
        writeln!(text, "\n\n{}\n", table::table(rows))?;
        let (wrong, _) = table::summary(rows);
        for failure in &wrong {
            writeln!(text, "Failed: {failure}\n")?;
        }
        writeln!(text, "Versions: {}.", versions(scripts)?.join(", "))?;
        Ok(text)
    }
}

/// The programs' Debian packages that are installed, with versions.
fn versions(scripts: &[Script]) -> Result<Vec<String>> {
    let packages: BTreeSet<&str> = scripts.iter().flat_map(Script::packages).collect();
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat", "${Package} ${Version}\n"]).args(packages);
    // It fails where one is missing, and tells of the others all the same.
    let output = process::output(&mut query)?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}
