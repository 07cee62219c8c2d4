//! The report, looked at in a real browser.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use super::{
    report::{fixture, page},
    statistics::{Measure, rows},
};
use crate::process;

/// What the headless browser makes of a page: its document after layout, and its log.
fn look(page: &Path, picture: &Path) -> Result<(String, String)> {
    let mut browser = Command::new(process::need("chromium", "chromium")?);
    browser.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        "--dump-dom",
    ]);
    browser
        .arg("--window-size=1000,1400")
        .arg(format!("--user-data-dir={}", picture.with_extension("d").display()));
    browser
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("file://{}", page.display()));
    let output = process::output(&mut browser)?;
    ensure!(output.status.success(), "chromium: {}", output.status);
    Ok((String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// Every figure of a document, by its key.
fn figures(document: &str) -> Result<BTreeMap<&str, f64>> {
    let mut figures = BTreeMap::new();
    for cell in document.split("data-key=\"").skip(1) {
        let (key, rest) = cell.split_once('"').context("a key has an end")?;
        let median = rest.split_once("data-median=\"").and_then(|(_, rest)| rest.split_once('"'));
        figures.insert(key, median.context("a figure follows its key")?.0.parse()?);
    }
    Ok(figures)
}

#[test]
fn the_page_renders_without_an_error_and_shows_the_figures_of_the_record() -> Result<()> {
    if let Err(missing) = process::need("chromium", "chromium") {
        eprintln!("NOT looked at in a browser: {missing:#}");
        return Ok(());
    }
    let folder = std::env::temp_dir().join(format!("stratalloc-report-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let (file, picture) = (folder.join("report.html"), folder.join("report.png"));
    let record = fixture();
    fs::write(&file, page(&record))?;
    let (document, log) = look(&file, &picture)?;
    ensure!(!log.contains("CONSOLE"), "the console says: {log}");
    let shown = figures(&document)?;
    let mut expected = 0;
    for row in rows(&record) {
        for (allocator, cell) in &row.cells {
            for measure in [Measure::Wall, Measure::Peak, Measure::Final, Measure::Faults] {
                let key = format!("{measure:?}/{}/{allocator}", row.name());
                assert_eq!(shown.get(key.as_str()), Some(&cell.median(measure)), "{key}");
                expected += 1;
            }
        }
    }
    assert_eq!(shown.len(), expected);
    assert_eq!(document.matches("<circle").count(), document.matches("</circle>").count());
    assert!(document.contains("sort &lt;things&gt;") && document.contains("failed on slow"));
    ensure!(fs::metadata(&picture)?.len() > 10_000, "the picture is blank");
    fs::remove_dir_all(&folder)?;
    Ok(())
}
