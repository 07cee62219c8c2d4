//! `cargo xtask accept`: programs that know nothing of the library run under it as they do without.

use std::path::Path;

use anyhow::{Result, bail, ensure};

use crate::{
    library, process,
    script::{Script, difference},
};

mod fast_path;

/// Runs whole programs under the library and without, and compares what they print.
#[derive(clap::Args, Default)]
pub(crate) struct Accept {
    /// Only the programs whose name contains this.
    name: Option<String>,
    /// Also those that change a setting of the machine for as long as they run.
    #[arg(long)]
    system: bool,
    /// Also those that need large packages.
    #[arg(long)]
    all: bool,
}

impl Accept {
    pub(crate) fn run(self) -> Result<()> {
        let library = library::build()?;
        process::step_checked("the library is in the process", || is_loaded(&library))?;
        process::step_checked("fast paths: no call, no lock", || fast_path::check(&library))?;
        let mut ran = 0;
        for script in Script::all()?.iter().filter(|script| self.wants(script)) {
            script.prepare()?;
            process::step_checked(&script.about, || same(script, &library))?;
            ran += 1;
        }
        ensure!(ran > 0, "no program of this name");
        Ok(())
    }

    fn wants(&self, script: &Script) -> bool {
        let named = self.name.as_ref().is_none_or(|name| script.name.contains(name));
        let asked = self.all || self.name.is_some() || !script.is_used("asked");
        named && asked && (self.system || !script.is_used("system"))
    }
}

/// The dynamic linker goes on without a library that it can't load; then nothing would be tested.
fn is_loaded(library: &Path) -> Result<()> {
    let mut command = std::process::Command::new("cat");
    let output = process::output(command.arg("/proc/self/maps").env("LD_PRELOAD", library))?;
    let maps = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(maps.contains("libstratalloc.so"), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn same(script: &Script, library: &Path) -> Result<()> {
    let without = script.run(None)?;
    let with = script.run(Some(library))?;
    ensure!(!without.output.is_empty(), "{} prints nothing to compare", script.name);
    match difference(&without.output, &with.output) {
        Some(difference) => bail!("{difference}"),
        None => Ok(()),
    }
}
