//! The ladder: a crate stands only on crates that the architecture page names under it.

use cargo_metadata::{DependencyKind, Metadata, Package};

/// The table of `docs/ARCHITECTURE.md`, top row first.
pub(super) struct Ladder {
    rungs: Vec<Rung>,
}

/// A row of the table.
struct Rung {
    folder: String,
    package: String,
    bases: Vec<String>,
}

impl Ladder {
    /// Reads the rows whose first cell is a folder of `crates`.
    pub(super) fn parse(text: &str) -> Self {
        Self { rungs: text.lines().filter_map(Rung::parse).collect() }
    }

    fn position(&self, folder: &str) -> Option<usize> {
        self.rungs.iter().position(|rung| rung.folder == folder)
    }
}

impl Rung {
    fn parse(line: &str) -> Option<Self> {
        let cells: Vec<&str> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let [_, folder, package, _, bases, _] = cells[..] else { return None };
        Some(Self {
            folder: folder.strip_prefix("crates/")?.to_owned(),
            package: package.to_owned(),
            bases: bases.split(", ").filter(|base| *base != "–").map(str::to_owned).collect(),
        })
    }
}

/// Holds the table against itself, and cargo's packages against the table.
pub(super) fn check(ladder: &Ladder, metadata: &Metadata) -> Vec<String> {
    let mut findings = rises(ladder);
    let packages = metadata.workspace_packages();
    for rung in &ladder.rungs {
        if !packages.iter().any(|package| package.name.as_str() == rung.package) {
            findings.push(format!("the ladder names {}, which is no package", rung.package));
        }
    }
    let crates = metadata.workspace_root.join("crates");
    for package in packages {
        if package.manifest_path.starts_with(&crates) {
            findings.extend(check_package(ladder, package));
        }
    }
    findings
}

/// Every base of a rung stands above it in the table, so that no two can stand on each other.
fn rises(ladder: &Ladder) -> Vec<String> {
    let mut findings = Vec::new();
    for (position, rung) in ladder.rungs.iter().enumerate() {
        for base in &rung.bases {
            if ladder.position(base).is_none_or(|at| at >= position) {
                findings.push(format!("the ladder: {base} isn't above {}", rung.folder));
            }
        }
    }
    findings
}

fn check_package(ladder: &Ladder, package: &Package) -> Vec<String> {
    let folder = package.manifest_path.parent().and_then(|path| path.file_name());
    let Some(at) = ladder.position(folder.unwrap_or_default()) else {
        return vec![format!("{} isn't on the ladder", package.name)];
    };
    let rung = &ladder.rungs[at];
    let mut findings = Vec::new();
    if rung.package != package.name.as_str() {
        findings.push(format!("the ladder calls {} {}", package.name, rung.package));
    }
    for dependency in &package.dependencies {
        let base = dependency.path.as_ref().and_then(|path| path.file_name());
        let Some(base) = base.filter(|_| dependency.kind != DependencyKind::Development) else {
            continue;
        };
        if !rung.bases.iter().any(|allowed| allowed == base) {
            findings.push(format!("{} may not stand on {}", package.name, dependency.name));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "
| folder | package | owns | stands on |
|---|---|---|---|
| `crates/low` | `x-low` | nothing | – |
| `crates/high` | `x-high` | all | low |
";

    /// What cargo says of two packages, `low` standing on `low_base` and `high` on `low`.
    fn metadata(low_base: Option<&str>) -> Metadata {
        let package = |name: &str, base: Option<&str>| {
            let dependency = base.map_or(String::new(), |base| {
                format!(
                    r#"{{"name":"x-{base}","req":"*","kind":null,"optional":false,
                    "uses_default_features":true,"features":[],"path":"/w/crates/{base}"}}"#
                )
            });
            format!(
                r#"{{"name":"x-{name}","version":"0.1.0","id":"{name}","dependencies":[{dependency}],
                "targets":[],"features":{{}},"manifest_path":"/w/crates/{name}/Cargo.toml"}}"#
            )
        };
        let text = format!(
            r#"{{"packages":[{},{}],"workspace_members":["low","high"],"workspace_root":"/w",
            "target_directory":"/w/target","version":1}}"#,
            package("low", low_base),
            package("high", Some("low")),
        );
        cargo_metadata::MetadataCommand::parse(text).expect("what cargo prints")
    }

    #[test]
    fn an_order_as_tabled_is_tidy() {
        assert_eq!(check(&Ladder::parse(TABLE), &metadata(None)), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_that_points_down_is_found() {
        let findings = check(&Ladder::parse(TABLE), &metadata(Some("high")));
        assert_eq!(findings, ["x-low may not stand on x-high"]);
    }

    #[test]
    fn a_table_that_points_down_is_found() {
        let table = TABLE.replace("nothing | –", "nothing | high");
        let findings = check(&Ladder::parse(&table), &metadata(Some("high")));
        assert_eq!(findings, ["the ladder: high isn't above low"]);
    }

    #[test]
    fn missing_rows_and_packages_are_found() {
        let table = TABLE.replace("`crates/low` | `x-low`", "`crates/gone` | `x-gone`");
        let findings = check(&Ladder::parse(&table), &metadata(None));
        assert_eq!(
            findings,
            [
                "the ladder: low isn't above high",
                "the ladder names x-gone, which is no package",
                "x-low isn't on the ladder",
            ]
        );
    }
}
