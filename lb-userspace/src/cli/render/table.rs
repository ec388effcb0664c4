// SPDX-License-Identifier: MIT OR Apache-2.0
//! Aligned columns without lines, as tools of this kind print them: easy to read, and to cut with awk.

use std::fmt::Write;

/// A table; the first row is the heading.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Align>,
    rows: Vec<Vec<Cell>>,
}

/// On which side a column's text starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Align {
    Left,
    Right,
}

/// A cell with its colour, if any.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    colour: Option<Colour>,
}

/// What a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// All is well.
    Good,
    /// Worth a look.
    Notice,
    /// Something is wrong.
    Bad,
}

impl Colour {
    /// `text` in this colour, where colours are wanted.
    pub fn paint(self, text: &str, wanted: bool) -> String {
        let code = match self {
            Self::Good => 32,
            Self::Notice => 33,
            Self::Bad => 31,
        };
        if wanted { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

impl Cell {
    /// A cell in a colour.
    pub fn coloured(text: impl Into<String>, colour: Colour) -> Self {
        Self { text: text.into(), colour: Some(colour) }
    }
}

impl<T: ToString> From<T> for Cell {
    fn from(value: T) -> Self {
        Self { text: value.to_string(), colour: None }
    }
}

impl Table {
    /// A table with these headings; a heading that starts with `>` makes its column stand on the right, as numbers do.
    pub fn new(headings: &[&str]) -> Self {
        let align = |heading: &&str| if heading.starts_with('>') { Align::Right } else { Align::Left };
        let text = |heading: &&str| Cell::from(heading.trim_start_matches('>'));
        Self {
            columns: headings.iter().map(align).collect(),
            rows: vec![headings.iter().map(text).collect()],
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as lines that start with `indent` spaces.
    pub fn render(&self, indent: usize, colour: bool) -> String {
        let width = |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(Cell::width).max();
        let widths: Vec<usize> = (0..self.columns.len()).map(|column| width(column).unwrap_or(0)).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = " ".repeat(indent);
            for ((cell, align), width) in row.iter().zip(&self.columns).zip(&widths) {
                let padding = " ".repeat(width - cell.width());
                let shown =
                    cell.colour.map_or_else(|| cell.text.clone(), |paint| paint.paint(&cell.text, colour));
                // Writing to a string does not fail.
                let _ = match align {
                    Align::Left => write!(line, "{shown}{padding}  "),
                    Align::Right => write!(line, "{padding}{shown}  "),
                };
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

impl Cell {
    fn width(&self) -> usize {
        self.text.chars().count()
    }
}
