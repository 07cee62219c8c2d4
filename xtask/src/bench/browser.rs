//! The report, looked at in a real browser.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use crate::process;

/// What a headless Chromium makes of a page: its document after layout. A picture of it goes to `picture`. Whatever the
/// browser's console says is an error. The window is so many pixels wide and high.
pub(crate) fn look(page: &Path, picture: &Path, (width, height): (u32, u32)) -> Result<String> {
    // One for each visit: two at once can't share it.
    let profile = picture.with_extension("chromium");
    let mut browser = Command::new(process::need("chromium", "chromium")?);
    browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]);
    browser.args(["--enable-logging=stderr", "--dump-dom"]);
    browser.arg(format!("--window-size={width},{height}"));
    browser.arg(format!("--user-data-dir={}", profile.display()));
    let page = page.canonicalize().with_context(|| page.display().to_string())?;
    browser.arg(format!("--screenshot={}", picture.display()));
    let output = process::output(browser.arg(format!("file://{}", page.display())))?;
    // What Chromium keeps of a visit is of no use to the next.
    let _ = fs::remove_dir_all(profile);
    let log = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "chromium: {}\n{log}", output.status);
    ensure!(!log.contains("CONSOLE"), "the browser's console says: {log}");
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, path::PathBuf};

    use anyhow::{Context, Result, ensure};

    use super::super::{
        cell::Measure,
        report::{fixture, page},
        statistics::rows,
    };
    use super::look;

    /// Every figure of a document, by its key.
    fn figures(document: &str) -> Result<BTreeMap<&str, f64>> {
        let mut figures = BTreeMap::new();
        for cell in document.split("data-key=\"").skip(1) {
            let (key, rest) = cell.split_once('"').context("a key has an end")?;
            let median =
                rest.split_once("data-median=\"").and_then(|(_, rest)| rest.split_once('"'));
            figures.insert(key, median.context("a figure follows its key")?.0.parse()?);
        }
        Ok(figures)
    }

    /// A folder of its own for a test.
    fn folder(name: &str) -> Result<PathBuf> {
        let name = format!("stratalloc-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    #[test]
    fn the_page_renders_without_an_error_and_shows_the_figures_of_the_record() -> Result<()> {
        let folder = folder("report")?;
        let (file, picture) = (folder.join("report.html"), folder.join("report.png"));
        let record = fixture();
        fs::write(&file, page(&record))?;
        let document = look(&file, &picture, (1120, 1500))?;
        let shown = figures(&document)?;
        let mut expected = 0;
        for row in rows(&record) {
            for (allocator, cell) in &row.cells {
                for measure in [
                    Measure::Wall,
                    Measure::Processor,
                    Measure::System,
                    Measure::Peak,
                    Measure::Final,
                    Measure::Faults,
                ] {
                    let key = format!("{measure:?}/{}/{allocator}", row.name());
                    assert_eq!(shown.get(key.as_str()), Some(&cell.median(measure)), "{key}");
                    expected += 1;
                }
            }
        }
        assert_eq!(shown.len(), expected);
        assert_eq!(document.matches("<circle").count(), document.matches("</circle>").count());
        assert!(document.contains("sort &lt;things&gt;") && document.contains("crashed on slow"));
        ensure!(fs::metadata(&picture)?.len() > 10_000, "the picture is blank");
        fs::remove_dir_all(&folder)?;
        Ok(())
    }

    #[test]
    fn an_error_on_the_console_is_an_error() -> Result<()> {
        let folder = folder("console")?;
        let file = folder.join("broken.html");
        fs::write(&file, "<!doctype html><title>x</title><script>undefined_function()</script>")?;
        let error = look(&file, &folder.join("broken.png"), (1120, 1500))
            .expect_err("the page has an error");
        assert!(error.to_string().contains("undefined_function"), "{error}");
        fs::remove_dir_all(&folder)?;
        Ok(())
    }
}
