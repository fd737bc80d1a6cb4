//! Aligned columns.
//!
//! Invariant: no line is longer than the screen is wide; the last column gives way first.

use super::screen::{Colour, Screen, fit, printable};

/// Gap between columns.
const GAP: usize = 2;
/// The last column keeps at least this.
const LEAST_LAST: usize = 12;

/// Which side a column's text stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Text in a colour.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    colour: Colour,
}

impl Cell {
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        Self { text: printable(text.as_ref()), colour: Colour::Plain }
    }

    pub(crate) fn colour(mut self, colour: Colour) -> Self {
        self.colour = colour;
        self
    }
}

/// Rows under a heading.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    headings: Vec<(&'static str, Align)>,
    rows: Vec<Vec<Cell>>,
    indent: usize,
    abbreviate: bool,
}

impl Table {
    pub(crate) fn new(headings: impl IntoIterator<Item = (&'static str, Align)>) -> Self {
        let headings = headings.into_iter().collect();
        Self { headings, rows: Vec::new(), indent: 0, abbreviate: true }
    }

    /// Spaces before every line.
    pub(crate) fn indent(mut self, indent: usize) -> Self {
        self.indent = indent;
        self
    }

    /// Whether cells are cut to the width of the screen.
    pub(crate) fn abbreviate(mut self, abbreviate: bool) -> Self {
        self.abbreviate = abbreviate;
        self
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The width of each column for these rows.
    pub(crate) fn widths(&self, screen: Screen) -> Vec<usize> {
        let mut widths: Vec<usize> =
            self.headings.iter().map(|(heading, _)| heading.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.chars().count());
            }
        }
        if !self.abbreviate {
            return widths;
        }
        let gaps = self.indent + GAP * widths.len().saturating_sub(1);
        let room = screen.width.saturating_sub(gaps);
        let excess = |widths: &[usize]| widths.iter().sum::<usize>().saturating_sub(room);
        if let Some(last) = widths.len().checked_sub(1) {
            let give = excess(&widths).min(widths[last].saturating_sub(LEAST_LAST));
            widths[last] -= give;
        }
        // Then the widest give way, one character at a time.
        while excess(&widths) > 0 {
            let Some(widest) = widths.iter_mut().max() else { break };
            if *widest <= 4 {
                break;
            }
            *widest -= 1;
        }
        widths
    }

    /// The headings in columns of these widths.
    pub(crate) fn heading_line(&self, screen: Screen, widths: &[usize]) -> String {
        let cells: Vec<Cell> = self
            .headings
            .iter()
            .map(|(heading, _)| Cell::new(heading).colour(Colour::Muted))
            .collect();
        self.line(screen, widths, &cells)
    }

    /// One row in columns of these widths.
    pub(crate) fn line(&self, screen: Screen, widths: &[usize], cells: &[Cell]) -> String {
        let mut line = " ".repeat(self.indent);
        let last = cells.len().saturating_sub(1);
        for (column, cell) in cells.iter().enumerate() {
            let width = widths.get(column).copied().unwrap_or_default();
            let text = if self.abbreviate { fit(&cell.text, width) } else { cell.text.clone() };
            let padding = " ".repeat(width.saturating_sub(text.chars().count()));
            let right = self.headings.get(column).is_some_and(|(_, align)| *align == Align::Right);
            let painted = screen.paint(cell.colour, &text);
            match right {
                true => line.push_str(&(padding + &painted)),
                false if column == last => line.push_str(&painted),
                false => line.push_str(&(painted + &padding)),
            }
            if column < last {
                line.push_str(&" ".repeat(GAP));
            }
        }
        line.truncate(line.trim_end().len());
        line
    }

    /// The whole table, a line each.
    pub(crate) fn render(&self, screen: Screen) -> String {
        let widths = self.widths(screen);
        let mut text = self.heading_line(screen, &widths) + "\n";
        for row in &self.rows {
            text.push_str(&self.line(screen, &widths, row));
            text.push('\n');
        }
        text
    }

    /// The rows as cells.
    pub(crate) fn rows(&self) -> &[Vec<Cell>] {
        &self.rows
    }
}
