//! Test programs under an emulator that passes their system calls on.

use anyhow::{Context, Result, ensure};

use super::{
    emulator::Emulator,
    library::Library,
    run,
    suite::{self, Suite},
};
use crate::{
    built::{self, Program},
    process, tally,
};

/// Another processor, or another system, and what is built for it.
pub(super) struct Emulated {
    pub(super) library: Library,
    /// The linker, and Debian's packages that have it and the C library.
    pub(super) linker: (&'static str, &'static [&'static str]),
    pub(super) emulator: Emulator,
    /// Each machine that it plays.
    pub(super) machines: &'static [Machine],
}

/// What an emulator is told to play.
pub(super) struct Machine {
    pub(super) name: &'static str,
    pub(super) arguments: &'static [&'static str],
    pub(super) suites: &'static [Suite],
}

impl Emulated {
    /// Builds for a target and runs all; a row of the table for each machine.
    pub(super) fn run(&self, target: &str, rows: &mut Vec<String>) -> Result<()> {
        if process::find(self.linker.0).is_none() {
            process::install(self.linker.1, &format!("`{}` is missing", self.linker.0))?;
        }
        let programs = self.build(target)?;
        let folder = programs.first().and_then(|program| program.path.parent());
        self.emulator.prepare(folder.context("cargo built no program")?)?;
        for machine in self.machines {
            for suite in machine.suites {
                self.test(target, machine, suite, suite.find(&programs)?)?;
            }
            let shown: Vec<_> = machine.suites.iter().map(|suite| suite.about).collect();
            let (by, on, shown) = (self.emulator.name(), machine.name, shown.join(", "));
            rows.push(format!("| `{target}` | `{by}`, {on} | {shown} |\n"));
        }
        Ok(())
    }

    fn build(&self, target: &str) -> Result<Vec<Program>> {
        let mut cargo = process::cargo(&["test", "--no-run", "--target", target]);
        cargo.arg("--message-format=json-render-diagnostics");
        let suites: Vec<_> = self.machines.iter().flat_map(|it| it.suites).copied().collect();
        cargo.args(suite::cargo_arguments(&suites));
        self.library.serve(&mut cargo)?;
        run::make_quick(&mut cargo);
        run::link_with(&mut cargo, target, self.linker.0);
        let output = process::step(&format!("tests for {target}"), &mut cargo)?;
        built::programs(&output.stdout)
    }

    /// Runs a test program.
    fn test(
        &self,
        target: &str,
        machine: &Machine,
        suite: &Suite,
        program: &Program,
    ) -> Result<()> {
        let mut command = self.emulator.command(machine.arguments);
        command.arg(&program.path);
        suite.choose(&mut command);
        let name = format!("{target}, {}: {}", machine.name, suite.about);
        let output = process::step(&name, &mut command)?;
        let passed = tally::passed(&String::from_utf8_lossy(&output.stdout));
        ensure!(passed > 0, "{name}: no test ran");
        Ok(())
    }
}
