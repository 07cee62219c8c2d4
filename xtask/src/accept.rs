//! `cargo xtask accept`: programs that know nothing of the library run under it as they do without.

use std::path::Path;

use anyhow::{Result, bail, ensure};

use crate::{
    library, process,
    script::{Script, difference},
};

use self::table::{Row, Verdict};

mod fast_path;
mod table;

/// Runs whole programs under the library and without, compares what they print, and shows what each
/// cost as a ratio to the run without.
#[derive(clap::Args, Default)]
pub(crate) struct Accept {
    /// Only the programs whose name contains this.
    name: Option<String>,
    /// Also those that change a setting of the machine for as long as they run.
    #[arg(long)]
    system: bool,
    /// Also those that take long or need large packages, as far as they are on this machine.
    #[arg(long)]
    all: bool,
    /// Installs large Debian packages too, where a program is missing.
    #[arg(long)]
    install: bool,
}

impl Accept {
    pub(crate) fn run(self) -> Result<()> {
        let library = library::build()?;
        process::step_checked("the library is in the process", || is_loaded(&library))?;
        process::step_checked("fast paths: no call, no lock", || fast_path::check(&library))?;
        let scripts = Script::all()?.into_iter().filter(|script| self.wants(script));
        let rows = scripts.map(|script| self.row(script, &library)).collect::<Result<Vec<_>>>()?;
        ensure!(!rows.is_empty(), "no program of this name");

        println!("\n{}", table::table(&rows));
        let (wrong, missing) = table::summary(&rows);
        if missing > 0 {
            println!("{missing} programs are missing on this machine; --install fetches them");
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    }

    fn wants(&self, script: &Script) -> bool {
        let named = self.name.as_ref().is_none_or(|name| script.name.contains(name));
        let asked = self.all || self.name.is_some() || !script.is_used("asked");
        named && asked && (self.system || !script.is_used("system"))
    }

    /// Runs a program; small packages that it needs are installed in any case.
    fn row(&self, script: Script, library: &Path) -> Result<Row> {
        let large = script.is_used("asked");
        let lost = match script.missing() {
            Some(missing) if large && !self.install => Some(missing),
            // A small one that can't be had ends it all.
            _ => match script.prepare() {
                Err(_) if large => script.missing().map(|missing| format!("{missing} fails")),
                prepared => prepared.map(|()| None)?,
            },
        };
        let verdict = match lost {
            Some(lost) => {
                eprintln!("none {}: {lost}", script.about);
                Verdict::NotRun(lost)
            }
            None => process::step_checked(&script.about, || compare(&script, library))
                .unwrap_or_else(|error| Verdict::Wrong(format!("{:#}", error.root_cause()))),
        };
        Ok(Row { name: script.name, about: script.about, verdict })
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

fn compare(script: &Script, library: &Path) -> Result<Verdict> {
    let without = script.run(None)?;
    let with = script.run(Some(library))?;
    ensure!(!without.output.is_empty(), "{} prints nothing to compare", script.name);
    match difference(&without.output, &with.output) {
        Some(difference) => bail!("{difference}"),
        None => Ok(Verdict::Same { without: without.cost, with: with.cost }),
    }
}
