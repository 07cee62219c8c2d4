//! `cargo xtask top -- PROGRAM ARGS`: what a program's memory is, as it runs.

use std::{
    ffi::OsString,
    io::{IsTerminal, stdout},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use subject::Subject;
use view::View;

mod reading;
mod subject;
mod tables;
mod text;
mod view;

/// The time between two pictures.
const PAUSE: Duration = Duration::from_secs(1);

/// Shows what a program's memory is, once a second: by class, partition and heap.
///
/// The program runs under the library, in the current folder, with a thread in the background, by which there are figures while
/// it sleeps too; or it is one that runs with gauges already. Of a script's processes the largest is shown.
#[derive(clap::Args)]
pub(crate) struct Top {
    /// A process that was started with `STRATALLOC_GAUGES`.
    #[arg(long, conflicts_with_all = ["file", "program"])]
    pid: Option<u32>,
    /// A gauges file.
    #[arg(long, conflicts_with = "program")]
    file: Option<PathBuf>,
    /// Prints one frame as text: of a program, the last one.
    #[arg(long)]
    once: bool,
    /// Prints a frame as text each second, until the program's end.
    #[arg(long, conflicts_with = "once")]
    plain: bool,
    /// The program and its arguments.
    #[arg(required_unless_present_any = ["pid", "file"], trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<OsString>,
}

impl Top {
    pub(crate) fn run(self) -> Result<()> {
        let as_text = self.once || self.plain;
        ensure!(as_text || stdout().is_terminal(), "there is no terminal: use --once or --plain");
        let mut subject = self.subject(as_text)?;
        if self.once {
            subject.wait()?;
            print!("{}", text::text(&subject.read()?, None));
            return Ok(());
        }
        if self.plain { print_all(&mut subject) } else { show(&mut subject) }
    }

    fn subject(&self, heard: bool) -> Result<Subject> {
        match (self.pid, &self.file) {
            (Some(process), _) => Subject::process(process),
            (_, Some(file)) => Ok(Subject::File(file.clone())),
            _ => Subject::start(&self.program, heard),
        }
    }
}

/// Prints a frame each second, the last one after the end.
fn print_all(subject: &mut Subject) -> Result<()> {
    let mut earlier = None;
    loop {
        let ended = subject.ended()?;
        match subject.read() {
            Ok(reading) => {
                println!("{}", text::text(&reading, earlier.as_ref()));
                earlier = Some(reading);
            }
            Err(error) if ended.is_some() && earlier.is_none() => return Err(error),
            // It hasn't started, or it took its file away.
            Err(_) => {}
        }
        if let Some(how) = ended {
            eprintln!("     {how}");
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
}

/// Shows frames on the terminal, until the user quits.
fn show(subject: &mut Subject) -> Result<()> {
    let mut terminal = ratatui::try_init()?;
    let shown = show_on(&mut terminal, subject);
    ratatui::restore();
    if let Some(folder) = subject.folder() {
        eprintln!("     what it printed: {}", folder.display());
    }
    shown
}

fn show_on(terminal: &mut ratatui::DefaultTerminal, subject: &mut Subject) -> Result<()> {
    let (mut view, mut earlier, mut ended) = (View::default(), None, None);
    loop {
        let start = Instant::now();
        ended = ended.or(subject.ended()?);
        let reading = subject.read();
        if let Ok(reading) = &reading {
            let about = ended.as_deref().unwrap_or("it runs");
            terminal.draw(|frame| view.draw(frame, reading, earlier.as_ref(), about))?;
        } else if ended.is_some() && earlier.is_none() {
            return reading.map(drop);
        }
        let mut drawn = true;
        while drawn && start.elapsed() < PAUSE {
            if !event::poll(PAUSE.saturating_sub(start.elapsed()))? {
                continue;
            }
            match key(&event::read()?) {
                Some(KeyCode::Char('q') | KeyCode::Esc) => return Ok(()),
                Some(code @ (KeyCode::Up | KeyCode::Down)) => {
                    view.go(code == KeyCode::Down);
                    drawn = false;
                }
                _ => {}
            }
        }
        if drawn {
            earlier = reading.ok().or(earlier);
        }
    }
}

/// The key that was pressed; control and C, which doesn't end a program here, is `q`.
fn key(event: &Event) -> Option<KeyCode> {
    let Event::Key(key) = event else { return None };
    let quits = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
    let code = if quits { KeyCode::Char('q') } else { key.code };
    (key.kind == KeyEventKind::Press).then_some(code)
}

#[cfg(test)]
mod tests;
