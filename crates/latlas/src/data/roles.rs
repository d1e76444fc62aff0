//! Which columns of a table the ids and texts of documents come from.

use std::path::Path;

use super::files::Receiver;
use super::infer::{Evidence, kind};
use super::input::Sniff;
use super::records::{Record, find_column};
use super::{DocumentId, Format, ReaderOptions};
use crate::error::{Error, Result};
use crate::items::ColumnKind;

/// Which columns ids and texts come from.
pub(super) struct Roles {
    id: Role,
    text: Option<String>,
    text_at: Option<usize>,
    id_at: Option<usize>,
}

/// Where ids come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// A column, given or guessed.
    Column(String),
    /// The path.
    Path,
    /// The number.
    Row,
}

impl Roles {
    pub(super) fn new(sniff: &Sniff, options: &ReaderOptions) -> Self {
        let id = match options.id.as_deref() {
            Some("path") => Role::Path,
            Some("row") => Role::Row,
            Some(column) => Role::Column(column.to_string()),
            None if sniff.names.iter().any(|name| name == "id") => Role::Column("id".to_string()),
            None => Role::Row,
        };
        let text = options.text.clone().or_else(|| guess_text(sniff, &id));
        Roles { id, text, text_at: None, id_at: None }
    }

    pub(super) fn describe(&self) -> String {
        let id = match &self.id {
            Role::Column(name) => format!("column '{name}'"),
            Role::Path => "its path".to_string(),
            Role::Row => "its number".to_string(),
        };
        let text = self.text.as_deref().unwrap_or("?");
        format!("; the text of a row is column '{text}', its id is {id}")
    }

    pub(super) fn resolve(&mut self, names: &[String]) {
        let find = |wanted: &str| find_column(names, wanted, Path::new("")).ok();
        self.text_at = self.text.as_deref().and_then(find);
        self.id_at = if let Role::Column(name) = &self.id { find(name) } else { None };
    }

    pub(super) fn document(
        &self,
        row: Record<'_>,
        path: &Path,
        to: &mut Receiver<'_>,
        read: &dyn Fn() -> u64,
    ) -> Result<()> {
        let value =
            |at: Option<usize>| at.and_then(|at| row.cells.get(at)).and_then(|cell| cell.text());
        to.number += 1;
        let Some(text) = value(self.text_at) else { return self.missing(row, path) };
        match &self.id {
            Role::Row => to.give(DocumentId::Number(to.number), text, true, read),
            Role::Path => to.give(
                DocumentId::Name(&format!("{}:{}", path.display(), row.line)),
                text,
                true,
                read,
            ),
            Role::Column(name) => {
                let id = value(self.id_at).ok_or_else(|| {
                    if self.id_at.is_none() && !row.names.is_empty() {
                        find_column(row.names, name, path)
                            .err()
                            .unwrap_or_else(|| Error::data("no id"))
                    } else {
                        Error::data(format!(
                            "{}, line {}: no value in the id column '{name}'",
                            path.display(),
                            row.line
                        ))
                        .help("--id row numbers the rows instead")
                    }
                })?;
                to.give(DocumentId::Name(id), text, true, read)
            }
        }
    }

    /// A row without text is no document; a column that does not exist is an error, at once where all columns
    /// are known.
    fn missing(&self, row: Record<'_>, path: &Path) -> Result<()> {
        match (&self.text, self.text_at) {
            (Some(text), None)
                if !row.names.is_empty()
                    && path.as_os_str() != ""
                    && row.cells.len() == row.names.len() =>
            {
                // JSON may bring the key later; `found` looks again at the end.
                if Format::by_name(path) == Some(Format::Jsonl) {
                    Ok(())
                } else {
                    find_column(row.names, text, path).map(drop)
                }
            }
            _ => Ok(()),
        }
    }

    /// At the end of a file: whether the text column was there.
    pub(super) fn found(&self, names: &[String], path: &Path) -> Result<()> {
        match &self.text {
            Some(text) if !names.is_empty() => find_column(names, text, path).map(drop),
            _ => Ok(()),
        }
    }
}

/// The column called `text`, else the one with the longest values among those of text, else of all.
pub(super) fn guess_text(sniff: &Sniff, id: &Role) -> Option<String> {
    if let Some(name) = sniff.names.iter().find(|name| name.eq_ignore_ascii_case("text")) {
        return Some(name.clone());
    }
    let holds_text = |at: usize| {
        let values = sniff.rows.iter().filter_map(|row| row.get(at)?.as_deref()).map(str::trim);
        let evidence = Evidence { quoted: sniff.quoted.contains(&at), ..Evidence::default() };
        matches!(kind(values, evidence), ColumnKind::Text | ColumnKind::Category)
    };
    let longest = |columns: &mut dyn Iterator<Item = usize>| {
        columns.max_by_key(|&at| sniff.lengths.get(at).copied().unwrap_or(0))
    };
    let is_id = |at: usize| matches!(id, Role::Column(id) if sniff.names.get(at) == Some(id));
    let free = || (0..sniff.names.len()).filter(|&at| !is_id(at) || sniff.names.len() == 1);
    longest(&mut free().filter(|&at| holds_text(at)))
        .or_else(|| longest(&mut free()))
        .and_then(|at| sniff.names.get(at).cloned())
}
