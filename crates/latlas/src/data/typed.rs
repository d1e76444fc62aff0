//! A table out of batches of typed columns: Parquet, Arrow IPC.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Schema};
use serde_json::Value;

use super::arrays::{is_vector, normalised, show, vector};
use super::assemble::{Assembly, IdSource, OTHER_ID, Read, Vectors};
use super::column::TextColumn;
use super::infer::{Evidence, kind};
use super::records::{Bad, find_column, tidy_names};
use super::rows::path_id;
use super::vectors::VectorColumns;
use super::{Hold, ReaderOptions};
use crate::error::{Error, Result};
use crate::items::{Column, ColumnKind};
use crate::run::Run;

/// The keys of the metadata that files of ours carry: of the whole, and of a column.
const ABOUT: &str = "latlas";
const KIND: &str = "latlas.kind";

/// A table while its batches come in.
pub(super) struct TypedTable<'a> {
    options: &'a ReaderOptions,
    rows: usize,
    /// Rows of the file being read, bad ones included.
    line: u64,
    id: IdSource,
    ids: TextColumn,
    columns: Vec<Parts>,
    vectors: Vectors,
    vector: Option<VectorColumns>,
    names: Vec<String>,
    id_at: Option<usize>,
    /// Which column of the file becomes which of the table.
    targets: Vec<(usize, usize)>,
    left_out: Vec<String>,
    files: usize,
    about: Option<String>,
    halves: bool,
}

struct Parts {
    name: String,
    kind: ColumnKind,
    /// What the file says its kind is, as files of ours do.
    said: Option<ColumnKind>,
    arrays: Vec<ArrayRef>,
}

impl<'a> TypedTable<'a> {
    pub(super) fn new(options: &'a ReaderOptions) -> Self {
        TypedTable {
            options,
            rows: 0,
            line: 0,
            id: IdSource::Row,
            ids: TextColumn::new("id"),
            columns: Vec::new(),
            vectors: Vectors::default(),
            vector: None,
            names: Vec::new(),
            id_at: None,
            targets: Vec::new(),
            left_out: Vec::new(),
            files: 0,
            about: None,
            halves: false,
        }
    }

    /// A new file begins.
    pub(super) fn begin(&mut self, schema: &Schema, path: &Path, _run: &Run) -> Result<()> {
        let names = tidy_names(schema.fields().iter().map(|f| f.name().clone()));
        if self.files == 0 {
            self.id = IdSource::new(self.options, &names);
            self.about = schema.metadata().get(ABOUT).cloned();
        }
        self.files += 1;
        self.line = 0;
        self.id_at = self.id.column().map(|name| find_column(&names, name, path)).transpose()?;
        self.vector =
            VectorColumns::asked(self.options, &names, path)?.or_else(|| guess(schema, &names));
        let halves =
            matches!(&self.vector, Some(VectorColumns::List(at)) if is_half(schema.field(*at)));
        self.halves = halves && (self.halves || self.files == 1);
        match self.options.hold {
            Hold::AsStored if self.files == 1 => self.vectors.halve = halves,
            Hold::AsStored if !halves => self.vectors.widen(),
            hold => self.vectors.halve |= hold == Hold::Half,
        }
        if let Some(vector) = &self.vector {
            self.vectors.from = vector.describe(&names);
        }
        let keep = self.options.keep.iter().map(|name| find_column(&names, name, path));
        let keep = keep.collect::<Result<Vec<_>>>()?;
        self.targets.clear();
        for (from, name) in names.iter().enumerate() {
            let is_vector = self.vector.as_ref().is_some_and(|v| v.holds(from));
            if Some(from) == self.id_at || is_vector || !(keep.is_empty() || keep.contains(&from)) {
                continue;
            }
            let name = if name == "id" { OTHER_ID } else { name };
            let to = match self.columns.iter().position(|column| column.name == name) {
                Some(to) => to,
                None if self.files == 1 => {
                    self.columns.push(Parts {
                        name: name.to_string(),
                        kind: ColumnKind::Text,
                        said: schema
                            .field(from)
                            .metadata()
                            .get(KIND)
                            .and_then(|kind| ColumnKind::from_name(kind)),
                        arrays: Vec::new(),
                    });
                    self.columns.len() - 1
                }
                None => return Err(differs(path, name, "has", "do not")),
            };
            self.targets.push((from, to));
        }
        if let Some(lacking) =
            (0..self.columns.len()).find(|to| !self.targets.iter().any(|(_, t)| t == to))
            && let Some(column) = self.columns.get(lacking)
        {
            return Err(differs(path, &column.name, "lacks", "have"));
        }
        self.names = names;
        Ok(())
    }

    /// Takes a batch; tells `bad` of rows that have no proper vector or id.
    pub(super) fn batch(&mut self, batch: &RecordBatch, path: &Path, bad: &mut Bad) -> Result<()> {
        let rows = batch.num_rows();
        if self.rows + rows >= u32::MAX as usize {
            return Err(Error::data(format!("{}: more than 4,294,967,294 rows", path.display())));
        }
        let blame = |at: usize, e: &str| {
            let name = self.names.get(at).map_or("?", String::as_str);
            Error::data(format!("{}, column '{name}': {e}", path.display()))
        };
        let ids = match self.id_at {
            None => None,
            Some(at) => {
                normalised(batch.column(at)).map_err(|e| blame(at, &e))?.map(|(_, ids)| ids)
            }
        };
        let mut kept = Vec::with_capacity(rows);
        for row in 0..rows {
            let at = |e: &str| {
                Error::data(format!("{}, row {}: {e}", path.display(), self.line + row as u64 + 1))
            };
            let id = ids.as_ref().and_then(|ids| show(ids, row));
            if let (IdSource::Asked(name), None) = (&self.id, &id) {
                bad.meet(at(&format!("no value in the id column '{name}'")))?;
                continue;
            }
            if let Some(columns) = &self.vector {
                let mut rounded = 0;
                let names = &self.names;
                let read = self
                    .vectors
                    .row(|out| read_vector(columns, batch, names, row, out, &mut rounded));
                if let Err(e) = read {
                    bad.meet(at(&e))?;
                    continue;
                }
                self.vectors.rounded += rounded as u64;
            }
            match &self.id {
                IdSource::Path => self.ids.push(Some(&path_id(
                    path,
                    self.line + row as u64 + 1,
                    self.options.unit,
                )))?,
                IdSource::Row => {}
                _ => self.ids.push(id.as_deref())?,
            }
            kept.push(row as u32);
        }
        for &(from, to) in &self.targets {
            let Some((kind, values)) =
                normalised(batch.column(from)).map_err(|e| blame(from, &e))?
            else {
                let name = self.names.get(from).cloned().unwrap_or_default();
                if !self.left_out.contains(&name) {
                    self.left_out.push(name);
                }
                continue;
            };
            let values = if kept.len() == rows {
                values
            } else {
                arrow_select::take::take(&values, &UInt32Array::from(kept.clone()), None)
                    .map_err(|e| blame(from, &e.to_string()))?
            };
            let Some(column) = self.columns.get_mut(to) else { continue };
            if column.arrays.first().is_some_and(|first| first.data_type() != values.data_type()) {
                return Err(blame(from, "its type is another one than in the files before"));
            }
            column.kind = kind;
            column.arrays.push(values);
        }
        self.rows += kept.len();
        self.line += rows as u64;
        Ok(())
    }

    /// All rows are in.
    pub(super) fn finish(self) -> Result<Assembly> {
        let mut columns = Vec::new();
        for Parts { name, kind, said, arrays } in self.columns {
            if arrays.is_empty() {
                continue;
            }
            let bytes: usize = arrays
                .iter()
                .filter_map(|a| a.as_string_opt::<i32>())
                .map(|a| a.values().len())
                .sum();
            if i32::try_from(bytes).is_err() {
                return Err(Error::data(format!("column '{name}' holds more than 2 GiB of text"))
                    .help("leave it out (--keep), or read the files one by one"));
            }
            let arrays: Vec<&dyn Array> = arrays.iter().map(Arc::as_ref).collect();
            let values = arrow_select::concat::concat(&arrays)
                .map_err(|e| Error::data(format!("column '{name}' cannot be joined: {e}")))?;
            let kind = match said.filter(|kind| kind.fits(values.data_type())) {
                Some(said) => said,
                None if kind == ColumnKind::Text => text_kind(&values),
                None => kind,
            };
            columns.push(Read::Typed(Column { name, kind, values }));
        }
        Ok(Assembly {
            rows: self.rows,
            names: self.names,
            id: self.id,
            ids: self.ids,
            columns,
            vectors: self.vectors,
            left_out: self.left_out,
            about: self.about,
            halves: self.halves,
        })
    }
}

/// A column of text may be one of few names.
fn text_kind(values: &ArrayRef) -> ColumnKind {
    let evidence = Evidence { typed: true, ..Evidence::default() };
    values
        .as_string_opt::<i32>()
        .map_or(ColumnKind::Text, |texts| kind(texts.iter().flatten(), evidence))
}

fn is_half(field: &arrow_schema::Field) -> bool {
    match field.data_type() {
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::FixedSizeList(element, _) => *element.data_type() == DataType::Float16,
        _ => false,
    }
}

/// The column that a file of ours names, the only column of lists of floats, or columns numbered behind a usual name.
fn guess(schema: &Schema, names: &[String]) -> Option<VectorColumns> {
    let about =
        schema.metadata().get(ABOUT).and_then(|about| serde_json::from_str::<Value>(about).ok());
    if let Some(named) = about.as_ref().and_then(|about| about["vector"].as_str())
        && let Some(at) = names.iter().position(|name| name == named)
        && is_vector(schema.field(at).data_type())
    {
        return Some(VectorColumns::List(at));
    }
    let mut lists = (0..names.len()).filter(|&at| is_vector(schema.field(at).data_type()));
    if let (Some(at), None) = (lists.next(), lists.next()) {
        return Some(VectorColumns::List(at));
    }
    let numeric = |at: &usize| schema.field(*at).data_type().is_numeric();
    match VectorColumns::guess(names, &[vec![None; names.len()]])? {
        VectorColumns::Each(each) if each.iter().all(numeric) => Some(VectorColumns::Each(each)),
        _ => None,
    }
}

fn read_vector(
    columns: &VectorColumns,
    batch: &RecordBatch,
    names: &[String],
    row: usize,
    out: &mut Vec<f32>,
    rounded: &mut usize,
) -> Result<usize, String> {
    let mut one = |at: usize| {
        let (n, lossy) = vector(batch.column(at), row, out)
            .map_err(|e| format!("column '{}': {e}", names.get(at).map_or("?", String::as_str)))?;
        *rounded += lossy;
        Ok(n)
    };
    match columns {
        VectorColumns::List(at) => one(*at),
        VectorColumns::Each(each) => each.iter().map(|&at| one(at)).sum(),
    }
}

fn differs(path: &Path, name: &str, verb: &str, others: &str) -> Error {
    Error::data(format!(
        "{} {verb} a column '{name}' that the files before it {others}",
        path.display()
    ))
    .help("read files with the same columns together, or name the common ones with --keep")
}
