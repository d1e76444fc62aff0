//! Ids, columns and vectors, put together once everything has been read.

use std::collections::HashSet;
use std::path::Path;

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::ReaderOptions;
use super::column::TextColumn;
use super::records::{count, find_column};
use crate::error::{Error, Result};
use crate::items::{Column, ColumnKind, Items};
use crate::linalg::{Halves, Matrix};
use crate::run::Run;

/// What a column `id` is called that does not hold the ids: the name is taken by those that do.
pub(super) const OTHER_ID: &str = "id_in_file";

/// Where ids come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum IdSource {
    /// A column that was asked for.
    Asked(String),
    /// The column `id`, if its values are unique.
    Guessed,
    /// The file's path and the row in it.
    Path,
    /// The number of the row.
    #[default]
    Row,
}

impl IdSource {
    pub(super) fn new(options: &ReaderOptions, names: &[String]) -> Self {
        match options.id.as_deref() {
            Some("path") => IdSource::Path,
            Some("row") => IdSource::Row,
            Some(column) => IdSource::Asked(column.to_string()),
            None if names.iter().any(|name| name == "id") => IdSource::Guessed,
            None => IdSource::Row,
        }
    }

    /// The column's name, where it is one.
    pub(super) fn column(&self) -> Option<&str> {
        match self {
            IdSource::Asked(name) => Some(name),
            IdSource::Guessed => Some("id"),
            IdSource::Path | IdSource::Row => None,
        }
    }
}

/// Vectors of equal length, row after row.
#[derive(Debug, Default)]
pub(super) struct Vectors {
    /// Whether numbers are held as halves; then `data` has those of one row at a time.
    pub(super) halve: bool,
    narrow: Vec<f16>,
    data: Vec<f32>,
    dim: Option<usize>,
    rows: usize,
    /// How many doubles were no f32.
    pub(super) rounded: u64,
    /// Where they come from, in words.
    pub(super) from: String,
}

impl Vectors {
    /// None yet; `halve` says how they will be held.
    pub(super) fn new(halve: bool) -> Self {
        Vectors { halve, ..Self::default() }
    }

    pub(super) fn dim(&self) -> Option<usize> {
        self.dim
    }

    /// Adds what `read` appends as one row; leaves everything as it was if that fails.
    pub(super) fn row(
        &mut self,
        read: impl FnOnce(&mut Vec<f32>) -> Result<usize, String>,
    ) -> Result<(), String> {
        let before = self.data.len();
        let result = match (read(&mut self.data), self.dim) {
            (Ok(0), _) => Err("an empty vector".to_string()),
            (Ok(n), Some(dim)) if n != dim => {
                Err(format!("a vector of {n} numbers, those before have {dim}"))
            }
            (result, _) => result,
        };
        let result = result.and_then(|dim| self.halve(before).map(|()| dim));
        match result {
            Ok(dim) => {
                self.dim = Some(dim);
                self.rows += 1;
                Ok(())
            }
            Err(e) => {
                self.data.truncate(before);
                Err(e)
            }
        }
    }

    /// Halves the row that begins at `from`, if rows are held so.
    fn halve(&mut self, from: usize) -> Result<(), String> {
        if !self.halve {
            return Ok(());
        }
        let row = &self.data[from..];
        if let Some(at) = row.iter().position(|&x| !f16::from_f32(x).is_finite()) {
            return Err(format!("component {}: {:e} is too large for 16 bits", at + 1, row[at]));
        }
        let before = self.narrow.len();
        self.narrow.resize(before + row.len(), f16::ZERO);
        self.narrow[before..].convert_from_f32_slice(row);
        self.data.truncate(from);
        Ok(())
    }

    /// Holds what was read, and what comes, in 32 bits.
    pub(super) fn widen(&mut self) {
        if std::mem::take(&mut self.halve) {
            self.data = vec![0.0; self.narrow.len()];
            std::mem::take(&mut self.narrow).convert_to_f32_slice(&mut self.data);
        }
    }

    fn finish(self) -> Result<(Option<Matrix>, Option<Halves>)> {
        let Some(dim) = self.dim else { return Ok((None, None)) };
        Ok(if self.halve {
            (None, Some(Halves::new(self.rows, dim, self.narrow)?))
        } else {
            (Some(Matrix::new(self.rows, dim, self.data)?), None)
        })
    }
}

/// A column that has been read.
pub(super) enum Read {
    /// As text whose kind is to be inferred.
    Text(TextColumn),
    /// With its kind.
    Typed(Column),
}

impl Read {
    fn name(&self) -> &str {
        match self {
            Read::Text(column) => &column.name,
            Read::Typed(column) => &column.name,
        }
    }
}

/// Everything that has been read.
#[derive(Default)]
pub(super) struct Assembly {
    pub(super) rows: usize,
    /// All columns of the file, those of the id and the vector among them.
    pub(super) names: Vec<String>,
    pub(super) id: IdSource,
    /// The ids, where they come from a column or a path.
    pub(super) ids: TextColumn,
    pub(super) columns: Vec<Read>,
    pub(super) vectors: Vectors,
    /// Columns of types that items cannot hold.
    pub(super) left_out: Vec<String>,
    /// What a file of ours says of itself, and whether its vectors are half floats.
    pub(super) about: Option<String>,
    pub(super) halves: bool,
}

impl Assembly {
    /// The items and their vectors; tells what they are.
    pub(super) fn finish(
        self,
        options: &ReaderOptions,
        label: &str,
        run: &Run,
    ) -> Result<(Items, Option<Matrix>, Option<Halves>)> {
        if self.rows == 0 {
            return Err(Error::data(format!("{label}: there are no rows in it"))
                .help("check that it is the right file"));
        }
        let mut kinds = vec![None; self.columns.len()];
        for (asked, kind) in &options.types {
            // By the name a column has here, else by name or number in the file.
            let here = |name: &str| self.columns.iter().position(|column| column.name() == name);
            let found = if let Some(at) = here(asked) {
                Some(at)
            } else {
                let at = find_column(&self.names, asked, Path::new(label))?;
                self.names.get(at).and_then(|name| here(if name == "id" { OTHER_ID } else { name }))
            };
            // What became the id or the vector has no kind to be told.
            if let Some(slot) = found.and_then(|at| kinds.get_mut(at)) {
                *slot = Some(*kind);
            }
        }
        let (items, guessed) = self.ids(label, run)?;
        let Assembly { id, mut ids, columns, vectors, left_out, .. } = self;
        let mut items = items;
        if id == IdSource::Guessed && !guessed {
            ids.name = OTHER_ID.to_string();
            items = items.with_column(ids.finish(None)?)?;
        }
        for (column, asked) in columns.into_iter().zip(kinds) {
            items = items.with_column(finish(column, asked)?)?;
        }
        if vectors.rounded > 0 {
            run.progress.note(&format!(
                "{} are no 32-bit floats and were rounded",
                count(vectors.rounded, "number")
            ));
        }
        if !left_out.is_empty() {
            run.progress.note(&format!(
                "left out, being of types that items cannot hold: {}",
                left_out.join(", ")
            ));
        }
        run.progress.note(&describe(&items, &vectors, &id, guessed));
        let (wide, narrow) = vectors.finish()?;
        Ok((items, wide, narrow))
    }

    /// Items without columns, and whether a guessed id column holds their ids.
    fn ids(&self, label: &str, run: &Run) -> Result<(Items, bool)> {
        let numbered = || Items::from_ids((1..=self.rows).map(|row| row.to_string()));
        match &self.id {
            IdSource::Row => Ok((numbered()?, false)),
            IdSource::Path | IdSource::Asked(_) => Items::new(self.ids.strings())
                .map(|items| (items, true))
                .map_err(|e| e.context(label)),
            IdSource::Guessed => {
                let mut seen = HashSet::with_capacity(self.rows);
                if self.ids.values().all(|id| id.is_some_and(|id| seen.insert(id))) {
                    return Ok((Items::new(self.ids.strings())?, true));
                }
                run.progress.note(&format!(
                    "column 'id' is not unique, so rows are numbered; it is kept as '{OTHER_ID}'"
                ));
                Ok((numbered()?, false))
            }
        }
    }
}

fn finish(column: Read, asked: Option<ColumnKind>) -> Result<Column> {
    match (column, asked) {
        (Read::Text(column), _) => column.finish(asked),
        (Read::Typed(column), None) => Ok(column),
        (Read::Typed(column), Some(kind)) if column.kind == kind => Ok(column),
        (Read::Typed(column), Some(_)) => {
            let mut text = TextColumn::new(&column.name);
            for row in 0..column.values.len() {
                text.push(super::arrays::show(&column.values, row).as_deref())?;
            }
            text.finish(asked)
        }
    }
}

/// "150 rows; ids: row numbers; columns: width (number), species (category)".
fn describe(items: &Items, vectors: &Vectors, id: &IdSource, guessed: bool) -> String {
    let ids = match id {
        IdSource::Asked(name) => format!("column '{name}'"),
        IdSource::Guessed if guessed => "column 'id'".to_string(),
        IdSource::Path => "paths".to_string(),
        IdSource::Guessed | IdSource::Row => "row numbers".to_string(),
    };
    let shown: Vec<String> = items
        .columns()
        .iter()
        .take(8)
        .map(|c| format!("{} ({})", c.name, kind_name(c.kind)))
        .collect();
    let more = items.columns().len() - shown.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let columns = if shown.is_empty() { "none".to_string() } else { shown.join(", ") };
    let vectors = vectors
        .dim()
        .map_or(String::new(), |dim| format!("; vectors: {dim} numbers from {}", vectors.from));
    format!("{}; ids: {ids}; columns: {columns}{more}{vectors}", count(items.len() as u64, "row"))
}

/// A kind as options and notes call it.
pub(super) fn kind_name(kind: ColumnKind) -> String {
    format!("{kind:?}").to_lowercase()
}
