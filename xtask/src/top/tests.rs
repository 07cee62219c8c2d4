//! Readings of this process, which has an allocator beside its own, and of a program under the library.

use std::{
    ffi::CString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use ratatui::{Terminal, backend::TestBackend};
use stratalloc_arena::{gauges, global};

use super::{reading::Reading, reading::file_of, subject::Subject, text::text, view::View};

/// What this process holds: so many blocks of this size.
const BLOCKS: u64 = 300;
const SIZE: usize = 5000;

/// The gauges of this process, after it allocated the blocks.
fn own_gauges() -> &'static Path {
    static OWN: OnceLock<PathBuf> = OnceLock::new();
    OWN.get_or_init(|| {
        let path = std::env::temp_dir().join(format!("xtask-{}.gauges", std::process::id()));
        let _ = fs::remove_file(&path);
        gauges::start(&CString::new(path.to_str().unwrap()).unwrap()).unwrap();
        for _ in 0..BLOCKS {
            assert!(!global::allocate(SIZE, 8).is_null());
        }
        gauges::update();
        path
    })
}

/// The number in a column of the row that begins so.
fn number(text: &str, row: &str, column: usize) -> u64 {
    let cells = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let cells = cells.filter(|cells| cells.first() == Some(&row));
    let mut found = cells.filter_map(|cells| cells.get(column)?.parse().ok());
    found.next().unwrap_or_else(|| panic!("no {row}: {text}"))
}

#[test]
fn the_text_has_the_known_blocks_and_every_table() {
    let text = text(&Reading::of(own_gauges()).unwrap(), None);
    // Up to 8 free ones are in the thread's stock.
    assert!((BLOCKS..=BLOCKS + 8).contains(&number(&text, "5120", 1)), "{text}");
    for words in
        ["no limit", "Size classes", "Partitions", "Heaps", "thread", "Map of the first heap"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn what_changed_each_second_is_told() {
    let earlier = Reading::of(own_gauges()).unwrap();
    let reading = loop {
        gauges::update();
        let reading = Reading::of(own_gauges()).unwrap();
        if reading.frame().at > earlier.frame().at {
            break reading;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    };
    assert!(reading.frames() > earlier.frames());
    assert!(text(&reading, Some(&earlier)).contains("/s)"));
    assert!(!text(&reading, None).contains("/s)"));
}

#[test]
fn the_screen_shows_figures_tables_and_the_map_of_the_chosen_heap() {
    let reading = Reading::of(own_gauges()).unwrap();
    let mut terminal = Terminal::new(TestBackend::new(160, 40)).unwrap();
    let mut view = View::default();
    view.go(true);
    view.go(false);
    terminal.draw(|frame| view.draw(frame, &reading, None, "it runs")).unwrap();
    let screen = terminal.backend().to_string();
    for words in ["Size classes", "Partitions", "Heaps", "in use", "it runs", "Map of 0x", "5120"] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    let drawn = screen.chars().filter(|letter| "·░▒▓█".contains(*letter)).count();
    assert!(drawn >= 1, "{screen}");
    // A small terminal shows what fits.
    let mut small = Terminal::new(TestBackend::new(20, 5)).unwrap();
    small.draw(|frame| view.draw(frame, &reading, None, "it runs")).unwrap();
}

#[test]
fn a_process_is_found_by_its_number_and_others_are_told_apart() {
    let path = own_gauges();
    let found = file_of(std::process::id()).unwrap();
    assert_eq!(fs::canonicalize(found).unwrap(), fs::canonicalize(path).unwrap());
    let told = |error: anyhow::Error| format!("{error:#}");
    assert!(told(file_of(u32::MAX).unwrap_err()).contains("there is no process"));
    let mut sleeper = Command::new("sleep").arg("600").spawn().unwrap();
    let none = file_of(sleeper.id()).unwrap_err();
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    assert!(told(none).contains("has no gauges"));
    let other = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let error = Reading::of(&other).err().unwrap();
    assert!(told(error).contains("no gauges file"));
}

#[test]
fn a_program_is_read_after_its_end() {
    let program = ["perl", "-e", "our @kept = map { 'x' x 5000 } 1 .. 1000"].map(Into::into);
    let mut subject = Subject::start(&program, true).unwrap();
    subject.wait().unwrap();
    let text = text(&subject.read().unwrap(), None);
    assert!((1000..1100).contains(&number(&text, "5120", 1)), "{text}");
    let folder = subject.folder().unwrap().to_owned();
    drop(subject);
    assert!(!folder.exists(), "nothing stays");
}
