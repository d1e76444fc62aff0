//! Tables whose columns align in any script.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use super::Paint;

/// On which side a column is flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows of cells under a heading; every row has as many cells as there are headings.
pub(crate) struct Table {
    head: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<S: Into<String>>(head: impl IntoIterator<Item = (S, Align)>) -> Self {
        Table {
            head: head.into_iter().map(|(name, align)| (name.into(), align)).collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table, indented by two spaces, two spaces between its columns, its heading dim.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let widths: Vec<usize> = (0..self.head.len())
            .map(|c| {
                let cells =
                    self.rows.iter().filter_map(|row| row.get(c)).map(|cell| shown(cell).width());
                cells.chain([self.head[c].0.width()]).max().unwrap_or(0)
            })
            .collect();
        let line = |cells: Vec<&str>| {
            let mut line = String::new();
            for ((cell, width), (_, align)) in cells.iter().zip(&widths).zip(&self.head) {
                let cell = shown(cell);
                let space = " ".repeat(width.saturating_sub(cell.width()));
                line.push_str("  ");
                match align {
                    Align::Left => line.extend([cell.as_str(), &space]),
                    Align::Right => line.extend([space.as_str(), &cell]),
                }
            }
            line.trim_end().to_owned()
        };
        let mut text = String::new();
        if self.head.iter().any(|(name, _)| !name.is_empty()) {
            text.push_str(
                &paint.dim(&line(self.head.iter().map(|(name, _)| name.as_str()).collect())),
            );
            text.push('\n');
        }
        for row in &self.rows {
            text.push_str(&line(row.iter().map(String::as_str).collect()));
            text.push('\n');
        }
        text
    }
}

/// Names and values under each other: what a summary is made of. Empty values are left out.
pub(crate) fn facts<N: AsRef<str>, V: AsRef<str>>(facts: &[(N, V)], paint: Paint) -> String {
    let width = facts.iter().map(|(name, _)| name.as_ref().width()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in facts.iter().filter(|(_, value)| !value.as_ref().is_empty()) {
        let name = name.as_ref();
        let space = " ".repeat(width.saturating_sub(name.width()));
        let mut lines = value.as_ref().lines();
        let first = lines.next().unwrap_or_default();
        let _ = writeln!(text, "  {}{space}  {}", paint.dim(name), shown(first));
        for more in lines {
            let _ = writeln!(text, "  {}  {}", " ".repeat(width), shown(more));
        }
    }
    text
}

/// An id may hold anything, also what moves a terminal's cursor.
fn shown(cell: &str) -> String {
    if cell.chars().any(char::is_control) {
        cell.escape_default().to_string()
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::When;

    #[test]
    fn columns_align_in_wide_scripts_and_hostile_ids_stay_text() {
        let mut table = Table::new([("word", Align::Left), ("n", Align::Right)]);
        table.row(vec!["東京".into(), "1".into()]);
        table.row(vec!["a\u{1b}[2J".into(), "100".into()]);
        let text = table.render(Paint::new(When::Never, false));
        assert_eq!(text, "  word          n\n  東京          1\n  a\\u{1b}[2J  100\n");
    }
}
