//! What our builds must notice: a case that was noticed stays so.

use std::{collections::BTreeMap, fmt::Write, fs, path::PathBuf};

use anyhow::Result;

use super::{Row, allocator::Allocator, verdict::Verdict};
use crate::process;

const HEAD: &str = "\
# What our builds notice otherwise than at the call, written by `cargo xtask misuse --write`. Each case that doesn't stand
# here must be noticed at the call, and each other when it is said here, or earlier.
";

type Cases = BTreeMap<String, Verdict>;

/// By build and kind, the cases that aren't noticed at the call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Floor(BTreeMap<String, BTreeMap<String, Cases>>);

impl Floor {
    /// What came of the cases on our builds.
    pub(super) fn of(rows: &[Row], allocators: &[Allocator]) -> Self {
        let ours = allocators.iter().enumerate().filter(|(_, allocator)| allocator.is_ours);
        let kinds = |place: usize| {
            let cases = |row: &Row| {
                let verdicts = row.cases.iter().map(|it| (it.name.clone(), it.verdicts[place]));
                verdicts.filter(|&(_, verdict)| verdict < Verdict::AtTheCall).collect()
            };
            rows.iter().map(|row| (row.kind.name.to_owned(), cases(row))).collect()
        };
        Self(ours.map(|(place, allocator)| (allocator.name.clone(), kinds(place))).collect())
    }

    pub(super) fn read() -> Result<Self> {
        Ok(Self(toml::from_str(&fs::read_to_string(place())?)?))
    }

    pub(super) fn write(&self) -> Result<()> {
        Ok(fs::write(place(), self.text())?)
    }

    fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for (build, kinds) in &self.0 {
            for (kind, cases) in kinds.iter().filter(|(_, cases)| !cases.is_empty()) {
                let _ = writeln!(text, "\n[{build}.{kind}]");
                for (case, verdict) in cases {
                    let _ = writeln!(text, "{case} = \"{}\"", verdict.word());
                }
            }
        }
        text
    }

    fn verdict(&self, build: &str, kind: &str, case: &str) -> Verdict {
        let found = self.0.get(build).and_then(|kinds| kinds.get(kind)?.get(case));
        found.copied().unwrap_or(Verdict::AtTheCall)
    }

    /// The cases that `other` notices later than this, or not at all.
    pub(super) fn worse(&self, other: &Self) -> Vec<String> {
        let mut worse = Vec::new();
        for (build, kinds) in &other.0 {
            for (kind, cases) in kinds {
                for (case, &verdict) in cases {
                    let before = self.verdict(build, kind, case);
                    if verdict < before {
                        let (now, before) = (verdict.word(), before.word());
                        worse.push(format!("{kind} {case} on {build}: {now}, not {before}"));
                    }
                }
            }
        }
        worse
    }
}

fn place() -> PathBuf {
    process::root().join("xtask/misuse.toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floor(text: &str) -> Floor {
        Floor(toml::from_str(text).unwrap())
    }

    #[test]
    fn what_is_noticed_later_is_worse_and_what_is_written_is_read() {
        let before = floor("[default.overflow]\none = \"missed\"\ntwo = \"later\"\n");
        let now = floor("[default.overflow]\none = \"later\"\ntwo = \"missed\"\nnew = \"later\"\n");
        assert_eq!(
            before.worse(&now),
            [
                "overflow new on default: later, not at-the-call",
                "overflow two on default: missed, not later"
            ]
        );
        assert_eq!(now.worse(&before), ["overflow one on default: missed, not later"]);
        assert!(before.worse(&before).is_empty());
        assert_eq!(floor(&now.text()), now);
    }
}
