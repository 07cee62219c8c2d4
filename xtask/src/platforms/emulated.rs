//! Test programs under an emulator that passes their system calls on.

use anyhow::{Result, ensure};

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
    /// Those that CI runs.
    pub(super) quick: &'static [Suite],
}

impl Machine {
    fn suites(&self, quick: bool) -> &'static [Suite] {
        if quick { self.quick } else { self.suites }
    }
}

impl Emulated {
    /// Builds for a target and runs all on each machine, or what is quick.
    pub(super) fn run(&self, target: &str, quick: bool) -> Result<()> {
        let suites = self.machines.iter().flat_map(|machine| machine.suites(quick)).copied();
        let suites: Vec<_> = suites.collect();
        if suites.is_empty() {
            return Ok(());
        }
        if process::find(self.linker.0).is_none() {
            process::install(self.linker.1, &format!("`{}` is missing", self.linker.0))?;
        }
        let programs = self.build(target, &suites)?;
        self.emulator.prepare()?;
        for machine in self.machines {
            for suite in machine.suites(quick) {
                self.test(target, machine, suite, suite.find(&programs)?)?;
            }
        }
        Ok(())
    }

    /// What each machine is, and the tests that run on it.
    pub(super) fn played(&self) -> Vec<(String, String)> {
        let played = |machine: &Machine| {
            let tests: Vec<_> = machine.suites.iter().map(|suite| suite.about).collect();
            (format!("`{}`, {}", self.emulator.name(), machine.name), tests.join(", "))
        };
        self.machines.iter().map(played).collect()
    }

    fn build(&self, target: &str, suites: &[Suite]) -> Result<Vec<Program>> {
        let mut cargo = process::cargo(&["test", "--no-run", "--target", target]);
        cargo.arg("--message-format=json-render-diagnostics");
        cargo.args(suite::cargo_arguments(suites));
        self.library.serve(&mut cargo)?;
        run::make_quick(&mut cargo, self.emulator.translates());
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
