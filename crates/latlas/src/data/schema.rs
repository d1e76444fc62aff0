//! What files hold, told from their first rows: what `--dry-run` shows.

use std::fmt;

use serde::Serialize;

use super::arrays::{is_vector, normalised, show};
use super::assemble::{IdSource, kind_name};
use super::column::TextColumn;
use super::columnar::Columnar;
use super::input::{Input, Sniff, open};
use super::records::{Cell, count, find_column};
use super::roles::{Role, guess_text};
use super::vectors::VectorColumns;
use super::{Format, ReaderOptions, Sources, visit_text};
use crate::error::{Error, Result};
use crate::items::ColumnKind;
use crate::run::Run;

/// How many rows are shown.
const SHOWN: usize = 3;
/// How many are looked at.
const LOOKED: usize = 200;

/// What the first file of the input is taken for. Serialises to JSON; displays as a few lines for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Schema {
    /// The file that was looked at.
    pub path: String,
    /// How many files the input is.
    pub files: usize,
    /// Their bytes on the disk, where that is known.
    pub bytes: Option<u64>,
    /// What it is read as.
    pub format: Format,
    /// The same in words, with the guesses: separator, header.
    pub reading: String,
    /// Its columns; for plain text the one column `text`.
    pub columns: Vec<SchemaColumn>,
    /// How many rows that was told from.
    pub looked_at: usize,
    /// The first rows, by column; `None` is missing.
    pub rows: Vec<Vec<Option<String>>>,
}

/// A column and what it is taken for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SchemaColumn {
    /// Its name.
    pub name: String,
    /// The kind of its values, as far as the rows looked at tell.
    pub kind: ColumnKind,
    /// What it would serve as: "id", "text" or "vector".
    pub role: Option<&'static str>,
    /// How many of the rows looked at have no value.
    pub missing: usize,
}

/// Looks at the beginning of the first file; the others are taken to be like it.
pub fn schema(sources: &Sources, options: &ReaderOptions, _run: &Run) -> Result<Schema> {
    let path = sources.paths().first().ok_or_else(|| Error::usage("no input given"))?;
    let opened = open(path, options)?;
    let format = opened.format;
    let (reading, sniff, kinds) = match format {
        Format::Parquet | Format::Arrow => {
            let (sniff, kinds) = look(&mut Columnar::new(path, opened)?)?;
            (format!("as {}", format.describe()), sniff, Some(kinds))
        }
        Format::Text => {
            let mut input = Input::new(path, opened, options)?;
            let sniff = first_documents(&mut input, options)?;
            (
                format!(
                    "{}, one document a {}",
                    input.describe(),
                    format!("{:?}", options.unit).to_lowercase()
                ),
                sniff,
                None,
            )
        }
        _ => {
            let input = Input::new(path, opened, options)?;
            (input.describe(), input.sniff, None)
        }
    };
    if sniff.rows.is_empty() {
        return Err(Error::data(format!("{}: there are no rows in it", path.display()))
            .help("check that it is the right file"));
    }
    let columns = columns(&sniff, kinds.as_deref(), options, path)?;
    Ok(Schema {
        path: path.display().to_string(),
        files: sources.paths().len(),
        bytes: sources.size(),
        format,
        reading,
        columns,
        looked_at: sniff.rows.len(),
        rows: sniff.rows.into_iter().take(SHOWN).collect(),
    })
}

fn columns(
    sniff: &Sniff,
    kinds: Option<&[Option<ColumnKind>]>,
    options: &ReaderOptions,
    path: &std::path::Path,
) -> Result<Vec<SchemaColumn>> {
    let names = &sniff.names;
    let find = |name: &str| find_column(names, name, path);
    let id_source = IdSource::new(options, names);
    let id = id_source.column().map(find).transpose()?;
    let role = id.and_then(|at| names.get(at)).map_or(Role::Row, |name| Role::Column(name.clone()));
    let vector = VectorColumns::asked(options, names, path)?
        .or_else(|| VectorColumns::guess(names, &sniff.rows));
    let text = options
        .text
        .clone()
        .or_else(|| guess_text(sniff, &role))
        .map(|name| find(&name))
        .transpose()?;
    let mut asked = std::collections::BTreeMap::new();
    for (name, kind) in &options.types {
        asked.insert(find(name)?, *kind);
    }
    let mut columns = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let mut column = TextColumn::new(name);
        for (row, values) in sniff.rows.iter().enumerate() {
            let cell = values.get(at).cloned().flatten().map_or(Cell::Missing, |text| {
                if sniff.quoted.contains(&at) {
                    Cell::Text(text.into())
                } else {
                    Cell::Bare(text.into())
                }
            });
            column.push_cell(row, &cell, &options.missing)?;
        }
        let inferred = || {
            kinds
                .and_then(|kinds| kinds.get(at).copied().flatten())
                .unwrap_or_else(|| column.kind())
        };
        let kind = asked.get(&at).copied().unwrap_or_else(inferred);
        let role = match () {
            () if vector.as_ref().is_some_and(|v| v.holds(at)) => Some("vector"),
            () if id == Some(at) => Some("id"),
            // A guess of the text column is one only where the values are text.
            () if text == Some(at)
                && (options.text.is_some()
                    || matches!(kind, ColumnKind::Text | ColumnKind::Category)) =>
            {
                Some("text")
            }
            () => None,
        };
        columns.push(SchemaColumn { name: name.clone(), kind, role, missing: column.missing() });
    }
    Ok(columns)
}

/// The first documents of plain text, cut where they are long.
fn first_documents(input: &mut Input, options: &ReaderOptions) -> Result<Sniff> {
    const LONGEST: usize = 4096;
    let mut sniff = Sniff { names: vec!["text".to_string()], lengths: vec![0], ..Sniff::default() };
    sniff.quoted.insert(0);
    let mut held = String::new();
    let (_, reader) = input.split();
    let done = visit_text(reader, options.unit, &mut |(text, end)| {
        if held.len() < LONGEST {
            held.extend(text.chars().take(LONGEST));
        }
        if end || held.len() >= LONGEST {
            sniff.rows.push(vec![Some(std::mem::take(&mut held))]);
        }
        // A document that is not over yet has told enough.
        let more = end && sniff.rows.len() < LOOKED || sniff.rows.is_empty();
        if more { Ok(()) } else { Err(()) }
    });
    done.map_err(|e| crate::file::read_error(&input.path, &e))?.unwrap_or_default();
    Ok(sniff)
}

/// The first rows of a columnar file as text, and the kinds that its types name.
fn look(file: &mut Columnar) -> Result<(Sniff, Vec<Option<ColumnKind>>)> {
    let names: Vec<String> =
        super::records::tidy_names(file.schema.fields().iter().map(|f| f.name().clone()));
    let mut kinds = vec![None; names.len()];
    let mut sniff = Sniff { lengths: vec![0; names.len()], names, ..Sniff::default() };
    while sniff.rows.len() < LOOKED {
        let Some(batch) = file.next()? else { break };
        let rows = batch.num_rows().min(LOOKED - sniff.rows.len());
        let before = sniff.rows.len();
        sniff.rows.resize(before + rows, vec![None; sniff.names.len()]);
        for (at, array) in batch.columns().iter().enumerate() {
            let Ok(Some((kind, values))) = normalised(array) else { continue };
            if let Some(slot) = kinds.get_mut(at) {
                // Text may still be a category; a list of floats is more than its kind.
                *slot = (kind != ColumnKind::Text || is_vector(array.data_type())).then_some(kind);
            }
            if kind == ColumnKind::Text {
                sniff.quoted.insert(at);
            }
            for row in 0..rows {
                let text = show(&values, row);
                if let Some(length) = sniff.lengths.get_mut(at) {
                    *length += text.as_ref().map_or(0, String::len);
                }
                if let Some(slot) = sniff.rows.get_mut(before + row).and_then(|r| r.get_mut(at)) {
                    *slot = text;
                }
            }
        }
    }
    Ok((sniff, kinds))
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = if self.files > 1 {
            format!(" (the first of {})", count(self.files as u64, "file"))
        } else {
            String::new()
        };
        writeln!(f, "{}{files}: read {}", self.path, self.reading)?;
        let width = self.columns.iter().map(|c| c.name.chars().count()).max().unwrap_or(0).min(32);
        for (at, column) in self.columns.iter().enumerate() {
            let example = self.rows.iter().find_map(|row| row.get(at)?.as_deref()).unwrap_or("");
            let example: String =
                example.chars().take(48).map(|c| if c.is_control() { ' ' } else { c }).collect();
            let role = column.role.map_or(String::new(), |role| format!("  [{role}]"));
            let missing = match column.missing {
                0 => String::new(),
                n => format!("  ({n} of {} missing)", self.looked_at),
            };
            writeln!(
                f,
                "{:>4}  {:<width$}  {:<8}  {example}{role}{missing}",
                at + 1,
                column.name,
                kind_name(column.kind)
            )?;
        }
        write!(f, "told from the first {}", count(self.looked_at as u64, "row"))
    }
}
