//! The page of a profile: for each quantity a flame graph, and the functions that have most.

use std::fmt::Write;

use anyhow::Result;
use inferno::flamegraph::{self, Direction, Options, Palette, color::BasicPalette};
use stratalloc_profile::{Figures, Profile, Quantity, Site, Symbols};

/// Sites in a table at most.
const ROWS: usize = 20;
/// Functions named of each.
const CALLS: usize = 4;

const SECTIONS: [(Quantity, &str, &str); 3] = [
    (Quantity::Peak, "Live at the peak", "what was held when most was"),
    (
        Quantity::Live,
        "Live at the end",
        "what nobody freed: a leak, or what the program didn't care to free",
    ),
    (
        Quantity::Allocated,
        "Allocated in all",
        "what was freed is in it too: where time goes, rather than memory",
    ),
];

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:1240px;margin:2em auto;padding:0 1em;color:#222}\
    iframe{width:100%;border:1px solid #ddd}table{border-collapse:collapse;margin:1em 0}\
    td,th{padding:.15em .8em .15em 0;text-align:left;vertical-align:top;border-bottom:1px solid #eee}\
    td.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}code{font-size:13px}";

/// The page as HTML, all of it in one text.
pub(super) fn page(profile: &Profile, symbols: &mut Symbols, title: &str) -> Result<String> {
    let mut html = String::new();
    let title = escaped(title);
    write!(
        html,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Memory of {title}</title>\
         <style>{STYLE}</style><h1>Who holds the memory of <code>{title}</code></h1>\
         <p>Estimated from one sample in {} on average, with the standard error. Bytes are those that blocks hold.",
        size(profile.interval as f64)
    )?;
    if profile.lost > 0 {
        write!(html, " {} samples are missing: there was no memory for them.", profile.lost)?;
    }
    for (quantity, name, meaning) in SECTIONS {
        let total = profile.total(quantity);
        write!(html, "<h2>{name}: {}</h2><p>{} blocks; {meaning}.", estimate(total), total.blocks)?;
        if total.bytes > 0 {
            let graph = escaped(&flame_graph(profile, symbols, quantity, name)?);
            write!(html, "<iframe height=\"480\" title=\"{name}\" srcdoc=\"{graph}\"></iframe>")?;
            write_table(&mut html, profile, symbols, quantity)?;
        }
    }
    html += "</html>\n";
    Ok(html)
}

fn flame_graph(
    profile: &Profile,
    symbols: &mut Symbols,
    quantity: Quantity,
    name: &str,
) -> Result<String> {
    let lines = stratalloc_profile::folded(profile, symbols, quantity);
    let mut options = Options::default();
    options.title = String::from(name);
    options.count_name = String::from("bytes");
    options.colors = Palette::Basic(BasicPalette::Mem);
    options.direction = Direction::Inverted;
    options.deterministic = true;
    options.image_width = Some(1200);
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut options, lines.lines(), &mut svg)?;
    let svg = String::from_utf8(svg)?;
    // What declares a document of its own has no place in another.
    Ok(svg.find("<svg").map_or(String::new(), |start| svg[start..].to_owned()))
}

/// The sites that have most, with the innermost functions of each.
fn write_table(
    html: &mut String,
    profile: &Profile,
    symbols: &mut Symbols,
    quantity: Quantity,
) -> Result<()> {
    let mut sites: Vec<&Site> = profile.sites.iter().collect();
    sites.sort_by_key(|site| std::cmp::Reverse(site.figures(quantity).bytes));
    html.push_str("<table><tr><th>bytes<th>blocks<th>allocated by");
    let all = profile.total(quantity).bytes as f64;
    for site in sites.into_iter().take(ROWS) {
        let figures = site.figures(quantity);
        if figures.bytes == 0 {
            break;
        }
        let share = figures.bytes as f64 / all * 100.0;
        write!(
            html,
            "<tr><td class=\"n\">{}, {share:.0} %<td class=\"n\">{}<td>",
            estimate(figures),
            figures.blocks
        )?;
        for (_, frame) in symbols.trace(site).into_iter().take(CALLS) {
            let place =
                frame.file.map(|file| format!(" {file}:{}", frame.line)).unwrap_or_default();
            write!(
                html,
                "<code title=\"{}\">{}</code><br>",
                escaped(place.trim()),
                escaped(&frame.function)
            )?;
        }
    }
    html.push_str("</table>");
    Ok(())
}

fn estimate(figures: Figures) -> String {
    format!("{} ± {}", size(figures.bytes as f64), size(figures.error))
}

/// Bytes for people.
fn size(bytes: f64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.into_iter().find(|&(_, shift)| bytes >= f64::from(1_u32 << shift)) {
        Some((unit, shift)) => format!("{:.1} {unit}", bytes / f64::from(1_u32 << shift)),
        None => format!("{bytes:.0} B"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::browser;

    const PROFILE: &str = "stratalloc profile 1\ninterval 524288\nlost 0\nlive 1048576 4 1 0\n\
        peak 3145728 12 3 1024\nallocated 5242880 20 5 0\nsite\nlive 1048576 4 1 0\npeak 1048576 4 1 0\n\
        allocated 3145728 12 3 0\ncalls 1000 2000\nsite\nlive 0 0 0 0\npeak 2097152 8 2 1024\n\
        allocated 2097152 8 2 0\ncalls 3000 2000\nmaps\n";

    #[test]
    fn a_page_has_each_quantity_with_its_graph_and_its_sites() {
        let profile: Profile = PROFILE.parse().unwrap();
        let html = page(&profile, &mut Symbols::new(&profile), "a <program>").unwrap();
        assert!(html.contains("a &lt;program&gt;") && !html.contains("<program>"));
        for section in [
            "Live at the end: 1.0 MiB ± 0 B",
            "Live at the peak: 3.0 MiB ± 1.0 KiB",
            "Allocated in all: 5.0 MiB",
        ] {
            assert!(html.contains(section), "{section}: {html}");
        }
        assert_eq!(html.matches("<iframe").count(), 3);
        // Only who holds something is in a table: once live, twice at the peak and twice in all.
        assert_eq!(html.matches("<tr><td").count(), 5);
        assert_eq!(html.matches("<code title=\"\">0x3000</code>").count(), 2);
    }

    /// The console must stay silent in the frames too, where the graphs have their scripts.
    #[test]
    fn a_browser_draws_the_page_and_its_graphs() {
        let folder = std::env::temp_dir().join(format!("stratalloc-flames-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let shown = |name: &str, text: &str| {
            let (file, picture) = (folder.join(name), folder.join(format!("{name}.png")));
            std::fs::write(&file, text).unwrap();
            let document = browser::look(&file, &picture, (1280, 2000)).unwrap();
            (document, std::fs::metadata(&picture).unwrap().len())
        };
        let profile: Profile = PROFILE.parse().unwrap();
        let mut symbols = Symbols::new(&profile);
        let (document, drawn) = shown("page.html", &page(&profile, &mut symbols, "it").unwrap());
        assert_eq!(document.matches("<iframe").count(), 3);
        assert!(document.contains("Live at the peak: 3.0 MiB") && drawn > 10_000, "{drawn} bytes");
        let graph = flame_graph(&profile, &mut symbols, Quantity::Peak, "the peak").unwrap();
        let (document, drawn) = shown("graph.html", &graph);
        // What the script of the graph has found at its start: who holds it, and how much that is.
        assert!(document.contains("0x3000") && document.contains("2,097,152"), "{document}");
        assert!(drawn > 5_000, "{drawn} bytes");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
