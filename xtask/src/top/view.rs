//! A reading on the screen.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    text::{Line, Text},
    widgets::{Block, Paragraph, Row, Table as Drawn, TableState},
};

use super::{
    reading::Reading,
    tables::{self, Table},
};

/// What is shown, and of which heap the map is.
#[derive(Default)]
pub(super) struct View {
    heap: usize,
}

impl View {
    /// Shows the map of the heap before, or after, as far as there is one.
    pub(super) fn go(&mut self, down: bool) {
        self.heap = if down { self.heap + 1 } else { self.heap.saturating_sub(1) };
    }

    /// Draws a reading, and a line about the program.
    pub(super) fn draw(
        &mut self,
        frame: &mut Frame,
        reading: &Reading,
        earlier: Option<&Reading>,
        about: &str,
    ) {
        let figures = reading.frame();
        let rows = [Constraint::Length(5), Constraint::Min(6), Constraint::Length(11)];
        let [top, middle, bottom] = Layout::vertical(rows).areas(frame.area());
        let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).areas(middle);
        let parts = [Constraint::Fill(1), Constraint::Length(70)];
        let [heaps, map] = Layout::horizontal(parts).areas(bottom);
        let mut head: Vec<Line> =
            tables::head(reading, earlier).into_iter().map(Line::from).collect();
        head.push(Line::styled(format!("{about}  q: quit, up and down: heap"), bold()));
        frame.render_widget(Paragraph::new(head), top);
        draw_table(frame, left, &tables::classes(figures), None);
        draw_table(frame, right, &tables::partitions(figures), None);
        self.heap = self.heap.min(tables::heaps_of(figures).len().saturating_sub(1));
        draw_table(frame, heaps, &tables::heaps(figures), Some(self.heap));
        if let Some(heap) = tables::heaps_of(figures).get(self.heap) {
            let lines: Vec<Line> = tables::map(heap).into_iter().map(Line::from).collect();
            let title = format!("Map of {:#x}", heap.address);
            let block = Block::bordered().title(title);
            frame.render_widget(Paragraph::new(Text::from(lines)).block(block), map);
        }
    }
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

fn draw_table(frame: &mut Frame, area: Rect, table: &Table, chosen: Option<usize>) {
    let widths = (0..table.columns.len()).map(|column| {
        let cells = table.rows.iter().map(|row| row[column].len());
        let longest = cells.max().unwrap_or(0).max(table.columns[column].len());
        Constraint::Length(longest as u16)
    });
    let rows = table.rows.iter().map(|row| Row::new(row.iter().map(String::as_str)));
    let drawn = Drawn::new(rows, widths)
        .header(Row::new(table.columns.iter().copied()).style(bold()))
        .column_spacing(2)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
        .block(Block::bordered().title(table.title));
    let mut state = TableState::default().with_selected(chosen);
    frame.render_stateful_widget(drawn, area, &mut state);
}
