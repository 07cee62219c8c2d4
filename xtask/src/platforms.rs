//! `cargo xtask platforms`: the library for machines and systems other than this one, compiled and run by emulators.

mod checks;
mod cortex;
mod emulated;
mod emulator;
mod library;
pub(crate) mod lld;
mod musl;
mod node;
mod page;
mod run;
mod runs;
mod suite;
mod wine;

use std::process::Command;

use anyhow::{Context, Result, ensure};
use cargo_metadata::Message;

use crate::{nostd, process};
use page::Tables;

/// Checks that the front door compiles for other targets, which way it takes there, and runs what emulators can.
#[derive(clap::Args)]
pub(crate) struct Platforms {
    /// Write the tables of all targets into their page. Without this, the page must say the same.
    #[arg(long)]
    write: bool,
    /// One target of each system and each kind, and of what runs the quick ones.
    #[arg(long, conflicts_with = "write")]
    quick: bool,
    /// Only targets with one of these in their name, as `aarch64` or `windows`.
    #[arg(conflicts_with_all = ["write", "quick"])]
    targets: Vec<String>,
}

/// A target, what of Rust's library it has, and whether it is among the quick ones.
type Target = (&'static str, &'static str, bool);

const TARGETS: [Target; 16] = [
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
    ("wasm32-wasip1", "std", false),
    ("thumbv7em-none-eabihf", "core", true),
    ("riscv32imac-unknown-none-elf", "core", false),
];

impl Platforms {
    pub(crate) fn quick() -> Self {
        Self { write: false, quick: true, targets: Vec::new() }
    }

    pub(crate) fn run(self) -> Result<()> {
        nostd::need_sources()?;
        let mut tables = Tables::default();
        let wanted: Vec<_> = TARGETS.into_iter().filter(|it| self.wants(it.0, it.2)).collect();
        let at_once = check_at_once(&wanted);
        for (target, library, _) in wanted {
            tables.targets.push(row(target, &kind_of(target, check(&[target], library))?));
        }
        at_once?;
        for run in runs::RUNS.iter().filter(|run| self.wants(run.target, run.quick)) {
            run.run(&mut tables.runs)?;
        }
        ensure!(!tables.targets.is_empty(), "no target has that in its name");
        if self.write { tables.write() } else { tables.compare() }
    }

    fn wants(&self, target: &str, quick: bool) -> bool {
        (!self.quick || quick)
            && (self.targets.is_empty() || self.targets.iter().any(|part| target.contains(part)))
    }
}

/// Does at once for all targets what [`check`] does for each: crates of a library wait for one another, and leave
/// processors idle that another target's can use. If one fails, that target's own check says which.
fn check_at_once(targets: &[Target]) -> Result<()> {
    for library in ["std", "core"] {
        let of_it: Vec<_> = targets.iter().filter(|it| it.1 == library).map(|it| it.0).collect();
        if of_it.len() > 1 {
            let name = format!("{} targets with {library}, at once", of_it.len());
            process::step(&name, check(&of_it, library).arg("--keep-going"))?;
        }
    }
    Ok(())
}

/// Checks the front door for targets whose library is built from its sources, up to this crate.
fn check(targets: &[&str], library: &str) -> Command {
    let mut command = process::cargo(&["check", "--package", "stratalloc"]);
    command.args(targets.iter().flat_map(|target| ["--target", target]));
    command.arg(format!("-Zbuild-std={library}"));
    if library == "core" {
        command.args([
            "--no-default-features",
            "--features",
            "block,compose,critical-section,heap,pool",
        ]);
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
