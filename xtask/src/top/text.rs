//! A reading as plain text.

use std::fmt::Write;

use super::{
    reading::Reading,
    tables::{self, Table},
};

/// Everything that a reading says; the map is that of the first heap.
pub(super) fn text(reading: &Reading, earlier: Option<&Reading>) -> String {
    let frame = reading.frame();
    let mut text = tables::head(reading, earlier).join("\n") + "\n";
    for table in [tables::classes(frame), tables::partitions(frame), tables::heaps(frame)] {
        write_table(&mut text, &table);
    }
    if let Some(heap) = tables::heaps_of(frame).first() {
        let lines = tables::map(heap);
        let lines = lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n");
        let _ = writeln!(text, "\nMap of the first heap\n{lines}");
    }
    text
}

fn write_table(text: &mut String, table: &Table) {
    let mut shown = comfy_table::Table::new();
    shown.load_preset(comfy_table::presets::NOTHING);
    shown.set_header(table.columns.iter().copied());
    shown.add_rows(&table.rows);
    let _ = writeln!(text, "\n{}\n{}", table.title, shown.trim_fmt());
}
