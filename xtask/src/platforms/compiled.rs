//! The front door, compiled for other targets up to where programs are linked, and which way it takes there.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use cargo_metadata::Message;

use super::target::Target;
use crate::{nostd, process};

/// The front door with all of its layers, but nothing of `std`.
const FEATURES: &str = "block,compose,critical-section,heap,pool";

/// Checks for each target that the front door compiles, and that it stands on what the target says. With `core` alone
/// if `quick`: building `std` takes the most time, and only `block::System` needs it.
pub(super) fn check(targets: &[&Target], quick: bool) -> Result<()> {
    let library = |target: &Target| if quick { "core" } else { target.system.library() };
    let at_once = check_at_once(targets, &library);
    for target in targets {
        let name = format!("check for {}", target.name);
        process::step_checked(&name, || {
            let output = process::output(&mut command(&[target.name], library(target)))?;
            // The messages are for programs; what is wrong stands beside them.
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            compare(target, &output.stdout)
        })?;
    }
    at_once
}

/// Does for all targets at once what is then asked of each: crates of a library wait for one another, and leave
/// processors idle that another target's can use. If one fails, that target's own check says which.
fn check_at_once(targets: &[&Target], library: &dyn Fn(&Target) -> &'static str) -> Result<()> {
    for parts in ["std", "core"] {
        let of_it: Vec<_> =
            targets.iter().filter(|it| library(it) == parts).map(|it| it.name).collect();
        if of_it.len() > 1 {
            let name = format!("{} targets with {parts}, at once", of_it.len());
            process::step(&name, command(&of_it, parts).arg("--keep-going"))?;
        }
    }
    Ok(())
}

/// Checks the front door for targets whose library is built from its sources, up to this crate.
fn command(targets: &[&str], library: &str) -> Command {
    let mut command = process::cargo(&["check", "--package", "stratalloc"]);
    command.args(targets.iter().flat_map(|target| ["--target", target]));
    command.arg(format!("-Zbuild-std={library}"));
    if library == "core" {
        command.args(["--no-default-features", "--features", FEATURES]);
    }
    command.arg("--message-format=json-render-diagnostics");
    command.arg("--target-dir").arg(process::target_dir().join("platforms"));
    nostd::with_sources(&mut command);
    command
}

/// Holds what the front door's build script told the compiler against what the target says.
fn compare(target: &Target, printed: &[u8]) -> Result<()> {
    let told = Message::parse_stream(printed).filter_map(|message| match message {
        Ok(Message::BuildScriptExecuted(script)) => Some(script.cfgs),
        _ => None,
    });
    let kind = told.flatten().find_map(|cfg| {
        cfg.strip_prefix("kind=\"").and_then(|kind| kind.strip_suffix('"')).map(str::to_owned)
    });
    let kind = kind.with_context(|| format!("no kind was chosen for {}", target.name))?;
    let agree = kind.eq_ignore_ascii_case(target.kind);
    ensure!(agree, "{} is of the kind `{kind}`, not `{}`", target.name, target.kind);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::target::TARGETS, *};

    #[test]
    fn the_kind_is_what_the_build_script_told() {
        let told = |kind: &str| {
            format!(
                r#"{{"reason":"build-script-executed","package_id":"a","linked_libs":[],"linked_paths":[],"cfgs":["kind=\"{kind}\""],"env":[],"out_dir":"/"}}"#
            )
        };
        let target = TARGETS.iter().find(|target| target.kind == "Heap").unwrap();
        assert!(compare(target, told("heap").as_bytes()).is_ok());
        assert!(compare(target, told("arenas").as_bytes()).is_err());
        assert!(compare(target, b"").is_err());
    }
}
