//! `cargo xtask platforms`: the front door compiled for machines and systems other than this one.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use cargo_metadata::Message;

use crate::{nostd, process};

/// Checks that the front door compiles for other targets, and which way it takes there.
#[derive(clap::Args)]
pub(crate) struct Platforms {
    /// Write the table of all targets into its page. Without this, the page must say the same.
    #[arg(long)]
    write: bool,
    /// One target of each system and each kind.
    #[arg(long, conflicts_with = "write")]
    quick: bool,
    /// Only targets with one of these in their name, as `aarch64` or `windows`.
    #[arg(conflicts_with_all = ["write", "quick"])]
    targets: Vec<String>,
}

/// A target, what of Rust's library it has, and whether it is among the quick ones.
type Target = (&'static str, &'static str, bool);

const TARGETS: [Target; 15] = [
    ("aarch64-unknown-linux-gnu", "std", false),
    ("aarch64-unknown-linux-musl", "std", true),
    ("riscv64gc-unknown-linux-gnu", "std", false),
    ("x86_64-unknown-linux-musl", "std", false),
    ("i686-unknown-linux-gnu", "std", true),
    ("armv7-unknown-linux-gnueabihf", "std", false),
    ("aarch64-linux-android", "std", true),
    ("x86_64-pc-windows-msvc", "std", true),
    ("x86_64-pc-windows-gnu", "std", false),
    ("aarch64-apple-darwin", "std", true),
    ("x86_64-unknown-freebsd", "std", true),
    ("x86_64-unknown-netbsd", "std", false),
    ("wasm32-unknown-unknown", "std", true),
    ("thumbv7em-none-eabihf", "core", true),
    ("riscv32imac-unknown-none-elf", "core", false),
];

const BEGIN: &str = "<!-- targets: begin -->\n";
const END: &str = "<!-- targets: end -->";

impl Platforms {
    pub(crate) fn quick() -> Self {
        Self { write: false, quick: true, targets: Vec::new() }
    }

    pub(crate) fn run(self) -> Result<()> {
        nostd::need_sources()?;
        let mut rows = Vec::new();
        for (target, library, _) in TARGETS.into_iter().filter(|target| self.wants(target)) {
            rows.push(row(target, &kind_of(target, check(target, library))?));
        }
        ensure!(!rows.is_empty(), "no target has that in its name");
        if self.write { write(&rows) } else { compare(&rows) }
    }

    fn wants(&self, (target, _, quick): &Target) -> bool {
        (!self.quick || *quick)
            && (self.targets.is_empty() || self.targets.iter().any(|part| target.contains(part)))
    }
}

/// Writes the table into its page.
fn write(rows: &[String]) -> Result<()> {
    let text = fs::read_to_string(page())?;
    let (head, rest) = text.split_once(BEGIN).context("the page lacks its table")?;
    let (_, tail) = rest.split_once(END).context("the page's table has no end")?;
    let table = rows.concat();
    Ok(fs::write(
        page(),
        [head, BEGIN, "| target | kind |\n|---|---|\n", &table, END, tail].concat(),
    )?)
}

/// Each row must stand in the page.
fn compare(rows: &[String]) -> Result<()> {
    let text = fs::read_to_string(page())?;
    for row in rows {
        ensure!(text.contains(row), "{} lacks the row {row}", page().display());
    }
    Ok(())
}

fn page() -> PathBuf {
    process::root().join("docs/PLATFORMS.md")
}

/// Checks the front door for a target whose library is built from its sources, up to this crate.
fn check(target: &str, library: &str) -> Command {
    let mut command = process::cargo(&["check", "--package", "stratalloc", "--target", target]);
    command.arg(format!("-Zbuild-std={library}"));
    if library == "core" {
        command.args(["--no-default-features", "--features", "critical-section"]);
    }
    command.arg("--message-format=json-render-diagnostics");
    command.arg("--target-dir").arg(process::target_dir().join("platforms"));
    nostd::with_sources(&mut command);
    command
}

/// What the front door stands on there, as its build script told the compiler.
fn kind_of(target: &str, mut command: Command) -> Result<String> {
    let output = process::step_checked(&format!("check for {target}"), || {
        let output = process::output(&mut command)?;
        // The messages are for programs; what is wrong stands beside them.
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(output)
    })?;
    let told = Message::parse_stream(&output.stdout[..]).filter_map(|message| match message {
        Ok(Message::BuildScriptExecuted(script)) => Some(script.cfgs),
        _ => None,
    });
    let kind = told.flatten().find_map(|cfg| {
        cfg.strip_prefix("kind=\"").and_then(|kind| kind.strip_suffix('"')).map(str::to_owned)
    });
    kind.with_context(|| format!("no kind of allocator was chosen for {target}"))
}

/// A line of the table, with the kind as `Stratalloc::KIND` says it.
fn row(target: &str, kind: &str) -> String {
    let (first, rest) = kind.split_at(1);
    format!("| `{target}` | `{}{rest}` |\n", first.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_the_kind_as_the_constant_does() {
        assert_eq!(row("a-b-c", "heap"), "| `a-b-c` | `Heap` |\n");
    }
}
