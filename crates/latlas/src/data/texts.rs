//! Tables whose rows are documents: a text each, and the columns to keep beside it.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::{Array, StringArray};
use serde_json::Value;

use super::records::find_column;
use super::{DocumentId, Documents, Piece, ReaderOptions, Sources, table};
use crate::error::{Error, Result};
use crate::items::{ColumnKind, Items};
use crate::run::Run;

/// Rows with a text each, all in memory.
#[derive(Debug, Clone)]
pub struct Texts {
    /// The ids, and the columns to keep.
    pub items: Items,
    /// The column that the texts come from.
    pub column: String,
    /// What was read, for provenance.
    pub sources: Vec<Value>,
    values: StringArray,
}

impl Texts {
    /// The text of each row; `None` where it has none.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<&str>> {
        self.values.iter()
    }

    /// The numbers of the rows that have no text, in ascending order.
    pub fn missing(&self) -> Vec<u32> {
        (0..).zip(self.iter()).filter(|(_, text)| text.is_none()).map(|(row, _)| row).collect()
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Every row is a document, those without a text empty ones.
impl Documents for &Texts {
    fn visit(&mut self, each: &mut dyn FnMut(Piece<'_>) -> Result<()>) -> Result<Vec<Value>> {
        for (id, text) in self.items.ids().iter().zip(&self.values) {
            let id = DocumentId::Name(id.unwrap_or_default());
            each(Piece { id, text: text.unwrap_or_default(), end: true })?;
        }
        Ok(self.sources.clone())
    }
}

/// Reads files as rows with a text each: see [`table`] for what is read how. The text is the column that `options.text`
/// names, else the one called `text`, else the column of text with the longest values. `options.keep` names the columns
/// that stay with the items; unless it does, all of them do, the text among them.
pub fn texts(sources: &Sources, options: &ReaderOptions, run: &Run) -> Result<Texts> {
    let mut all = ReaderOptions { keep: Vec::new(), vector: None, ..options.clone() };
    if let Some(column) = &options.text {
        all.types.entry(column.clone()).or_insert(ColumnKind::Text);
    }
    let label = sources.paths().first().map_or(Path::new("the input"), |path| path);
    let read = table(sources, &all, run)?;
    let items = read.items;
    let find = |wanted: &str| -> Result<String> {
        if items.column(wanted).is_some() {
            return Ok(wanted.to_owned());
        }
        Ok(read.names[find_column(&read.names, wanted, label)?].clone())
    };
    let column = match &options.text {
        Some(wanted) => find(wanted)?,
        None => longest(&items).ok_or_else(|| {
            Error::data(format!("{}: none of its columns holds text", label.display()))
                .help("name the column of the texts with --text")
        })?,
    };
    let texts = items.column(&column).and_then(|c| c.values.as_string_opt::<i32>()).cloned();
    let texts = texts.ok_or_else(|| {
        Error::usage(format!("{}: column '{column}' holds no texts", label.display()))
            .help("name another with --text")
    })?;
    let kept: Vec<String> = options.keep.iter().map(|name| find(name)).collect::<Result<_>>()?;
    let mut slim = Items::trusted(items.ids().clone(), Vec::new());
    for column in items.columns() {
        if kept.is_empty() || kept.contains(&column.name) {
            slim = slim.with_column(column.clone())?;
        }
    }
    run.progress.note(&format!("the text of a row is column '{column}'"));
    Ok(Texts { items: slim, column, sources: read.sources, values: texts })
}

/// The column called `text`, else the one of texts with the longest values.
fn longest(items: &Items) -> Option<String> {
    let letters = |column: &crate::items::Column| -> Option<usize> {
        let texts = column.values.as_string_opt::<i32>()?;
        Some(texts.value_data().len())
    };
    let texts = items.columns().iter().filter_map(|c| Some((letters(c)?, c)));
    let named = items.column("text").filter(|c| letters(c).is_some());
    named.or_else(|| texts.max_by_key(|(n, _)| *n).map(|(_, c)| c)).map(|c| c.name.clone())
}
