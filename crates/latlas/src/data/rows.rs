//! A table out of rows of text: CSV, TSV, JSON Lines, plain text.

use std::path::Path;

use super::assemble::{Assembly, IdSource, OTHER_ID, Read, Vectors};
use super::column::TextColumn;
use super::input::Sniff;
use super::records::{Bad, Cell, Record, find_column};
use super::vectors::VectorColumns;
use super::{Format, Hold, ReaderOptions};
use crate::error::{Error, Result};

/// A table while its rows come in.
pub(super) struct RowTable<'a> {
    options: &'a ReaderOptions,
    rows: usize,
    id: Option<IdSource>,
    ids: TextColumn,
    columns: Vec<TextColumn>,
    vectors: Vectors,
    /// Of the file being read: its columns, where the ids, the vector and each column of the table stand.
    names: Vec<String>,
    id_at: Option<usize>,
    vector: Option<VectorColumns>,
    targets: Vec<(usize, usize)>,
    /// Whether a vector was found in an earlier file, or the first rows suggest one.
    guess: Option<VectorColumns>,
    /// More columns may come with later rows.
    growing: bool,
    files: usize,
}

impl<'a> RowTable<'a> {
    pub(super) fn new(options: &'a ReaderOptions) -> Self {
        RowTable {
            options,
            rows: 0,
            id: None,
            ids: TextColumn::new("id"),
            columns: Vec::new(),
            vectors: Vectors::new(options.hold == Hold::Half),
            names: Vec::new(),
            id_at: None,
            vector: None,
            targets: Vec::new(),
            guess: None,
            growing: false,
            files: 0,
        }
    }

    /// A new file begins.
    pub(super) fn begin(&mut self, format: Format, sniff: &Sniff) {
        self.names.clear();
        self.growing = format == Format::Jsonl;
        self.files += 1;
        self.guess = VectorColumns::guess(&sniff.names, &sniff.rows);
    }

    /// Takes a row, or tells `bad` of it.
    pub(super) fn row(&mut self, row: Record<'_>, path: &Path, bad: &mut Bad) -> Result<()> {
        if self.names.len() != row.names.len() {
            self.resolve(row.names, path)?;
        }
        let at = || format!("{}, line {}", path.display(), row.line);
        let id = self.id_at.and_then(|i| row.cells.get(i)).and_then(|cell| match cell {
            // A string in JSON is meant as it stands; a field may be padded.
            Cell::Text(text) => Some(text.as_ref()),
            other => other.text().map(str::trim),
        });
        let id = id.filter(|id| !id.is_empty());
        if let (Some(IdSource::Asked(name)), None) = (&self.id, id) {
            return bad.meet(
                Error::data(format!("{}: no value in the id column '{name}'", at()))
                    .help("--id row numbers the rows instead"),
            );
        }
        if let Some(vector) = &self.vector {
            if let Err(e) = self.vectors.row(|out| vector.read(row, out)) {
                return bad.meet(Error::data(format!("{}: {e}", at())));
            }
        } else if self.vectors.dim().is_some() || self.options.vector.is_some() {
            return bad.meet(Error::data(format!("{}: no vector", at())));
        }
        if self.rows >= u32::MAX as usize - 1 {
            return Err(Error::data(format!("{}: more than 4,294,967,294 rows", at())));
        }
        match &self.id {
            Some(IdSource::Path) => {
                self.ids.push(Some(&path_id(path, row.line, self.options.unit)))?;
            }
            Some(IdSource::Row) | None => {}
            Some(_) => self.ids.push(id)?,
        }
        for &(from, to) in &self.targets {
            if let (Some(cell), Some(column)) = (row.cells.get(from), self.columns.get_mut(to)) {
                column.push_cell(self.rows, cell, &self.options.missing)?;
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// A file ends.
    pub(super) fn end(&mut self, path: &Path) -> Result<()> {
        if !self.growing || self.names.is_empty() {
            return Ok(());
        }
        // What was not found while keys were still coming must have been found by now.
        self.growing = false;
        let names = std::mem::take(&mut self.names);
        self.resolve(&names, path)
    }

    fn resolve(&mut self, names: &[String], path: &Path) -> Result<()> {
        let first = self.columns.is_empty() && self.rows == 0;
        self.names = names.to_vec();
        let id = self.id.get_or_insert_with(|| IdSource::new(self.options, names));
        if self.rows == 0 && *id == IdSource::Row && self.options.id.is_none() {
            *id = IdSource::new(self.options, names); // a key `id` may come second
        }
        self.id_at = match id.column() {
            Some(name) => soft(find_column(names, name, path), self.growing)?,
            None => None,
        };
        let asked = soft(VectorColumns::asked(self.options, names, path), self.growing)?.flatten();
        self.vector = asked.or_else(|| self.guess.clone());
        if let Some(vector) = &self.vector
            && self.vectors.from.is_empty()
        {
            self.vectors.from = vector.describe(names);
        }
        let keep =
            self.options.keep.iter().map(|name| soft(find_column(names, name, path), self.growing));
        let keep: Vec<usize> = keep.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        self.targets.clear();
        for (from, name) in names.iter().enumerate() {
            let is_vector = self.vector.as_ref().is_some_and(|v| v.holds(from));
            if Some(from) == self.id_at
                || is_vector
                || !(self.options.keep.is_empty() || keep.contains(&from))
            {
                continue;
            }
            let name = if name == "id" { OTHER_ID } else { name };
            let to = match self.columns.iter().position(|column| column.name == name) {
                Some(to) => to,
                None if first || self.growing || self.files == 1 => {
                    self.columns.push(TextColumn::new(name));
                    self.columns.len() - 1
                }
                None => return Err(differs(path, name, "has", "do not")),
            };
            self.targets.push((from, to));
        }
        if !self.growing
            && self.files > 1
            && let Some(lacking) =
                (0..self.columns.len()).find(|to| !self.targets.iter().any(|(_, t)| t == to))
            && let Some(column) = self.columns.get(lacking)
        {
            return Err(differs(path, &column.name, "lacks", "have"));
        }
        Ok(())
    }

    /// All rows are in.
    pub(super) fn finish(mut self) -> Assembly {
        for column in &mut self.columns {
            column.pad(self.rows);
        }
        Assembly {
            rows: self.rows,
            names: self.names,
            id: self.id.unwrap_or_default(),
            ids: self.ids,
            columns: self.columns.into_iter().map(Read::Text).collect(),
            vectors: self.vectors,
            left_out: Vec::new(),
            about: None,
            halves: false,
        }
    }
}

/// What is not there yet may still come.
fn soft<T>(result: Result<T>, growing: bool) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(_) if growing => Ok(None),
        Err(e) => Err(e),
    }
}

fn differs(path: &Path, name: &str, verb: &str, others: &str) -> Error {
    Error::data(format!(
        "{} {verb} a column '{name}' that the files before it {others}",
        path.display()
    ))
    .help("read files with the same columns together, or name the common ones with --keep")
}

/// A path alone names a file, with a number a row of it.
pub(super) fn path_id(path: &Path, line: u64, unit: super::Unit) -> String {
    if unit == super::Unit::File {
        path.display().to_string()
    } else {
        format!("{}:{line}", path.display())
    }
}
