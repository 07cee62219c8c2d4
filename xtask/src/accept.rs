//! `cargo xtask accept`: programs that know nothing of the library run under it as they do without.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{
    library, marks,
    measure::Cost,
    process,
    script::{Script, difference},
};

use self::table::{Row, Verdict};

mod fast_path;
mod page;
mod table;

/// No further round of a program begins once its rounds took this long.
const ENOUGH: Duration = Duration::from_mins(1);

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
    /// Runs of each program with and without, the least of each figure counts; no further one once
    /// they took a minute [default: 1].
    #[arg(long)]
    rounds: Option<usize>,
    /// A page to write the table into, between the marks `<!-- accept table: begin -->` and `end`.
    #[arg(long)]
    into: Option<PathBuf>,
}

impl Accept {
    pub(crate) fn run(self) -> Result<()> {
        let library = library::build()?;
        process::step_checked("the library is in the process", || is_loaded(&library))?;
        process::step_checked("fast paths: no call, no lock", || fast_path::check(&library))?;
        let mut scripts = Script::all()?;
        scripts.retain(|script| self.wants(script));
        ensure!(!scripts.is_empty(), "no program of this name");
        let page = page::Page::begin()?;
        let rows: Vec<_> =
            scripts.iter().map(|script| self.row(script, &library)).collect::<Result<_>>()?;

        println!("\n{}", table::table(&rows));
        if let Some(file) = &self.into {
            let text = page.end(&scripts, &rows, self.rounds())?;
            let old = fs::read_to_string(file)?;
            fs::write(file, marks::insert(&old, "accept table", &text)?)?;
        }
        let (wrong, missing) = table::summary(&rows);
        if missing > 0 {
            println!("{missing} programs are missing on this machine; --install fetches them");
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    }

    fn rounds(&self) -> usize {
        self.rounds.unwrap_or(1)
    }

    fn wants(&self, script: &Script) -> bool {
        let named = self.name.as_ref().is_none_or(|name| script.name.contains(name));
        let asked = self.all || self.name.is_some() || !script.is_used("asked");
        named && asked && (self.system || !script.is_used("system"))
    }

    /// Runs a program; small packages that it needs are installed in any case.
    fn row(&self, script: &Script, library: &Path) -> Result<Row> {
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
            None => process::step_checked(&script.about, || self.compare(script, library))
                .unwrap_or_else(|error| Verdict::Wrong(format!("{:#}", error.root_cause()))),
        };
        Ok(Row { name: script.name.clone(), about: script.about.clone(), verdict })
    }

    /// Runs a program in turn without and with the library, and compares each pair of outputs.
    fn compare(&self, script: &Script, library: &Path) -> Result<Verdict> {
        let start = Instant::now();
        let mut costs = Vec::new();
        while costs.is_empty() || (costs.len() < self.rounds() && start.elapsed() < ENOUGH) {
            let (without, with) = (script.run(None)?, script.run(Some(library))?);
            ensure!(!without.output.is_empty(), "{} prints nothing to compare", script.name);
            let difference = difference(&without.output, &with.output);
            ensure!(difference.is_none(), "{}", difference.unwrap_or_default());
            costs.push((without.cost, with.cost));
        }
        let (without, with): (Vec<_>, Vec<_>) = costs.into_iter().unzip();
        let least = |costs| Cost::least(costs).expect("at least one round");
        Ok(Verdict::Same { without: least(without), with: least(with) })
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
