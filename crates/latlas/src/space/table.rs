//! `items-000N.parquet` and `maps/NAME-000N.parquet`: ids and typed columns.

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray, new_null_array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::manifest::FileAbout;
use super::{MapAbout, Space};
use crate::error::{Error, Result};
use crate::file::{Bytes, NewFile};
use crate::items::{Column, ColumnKind, Items};

/// The key under which a Parquet column's Arrow field says what the values mean.
const KIND: &str = "latlas.kind";

/// A table of a space: in memory, or a Parquet file.
#[derive(Debug, Clone)]
pub(super) enum Table {
    Memory(Items),
    File(Arc<Stored>),
}

#[derive(Debug)]
pub(super) struct Stored {
    bytes: Bytes,
    about: FileAbout,
    /// Whether the bytes have been found to be those that were written; asked once.
    whole: OnceLock<bool>,
    /// What has been read of it, if that is to be kept.
    kept: OnceLock<Mutex<Option<Items>>>,
}

impl Table {
    /// A Parquet file; looks at its two ends only.
    pub(super) fn stored(bytes: Bytes, about: &FileAbout) -> Result<Self> {
        if bytes.len() < 12 || !bytes.starts_with(b"PAR1") || !bytes.ends_with(b"PAR1") {
            return Err(Error::data("it does not begin and end as a Parquet file"));
        }
        Ok(Table::File(Arc::new(Stored {
            bytes,
            about: about.clone(),
            whole: OnceLock::new(),
            kept: OnceLock::new(),
        })))
    }

    /// Ids and the named columns that it has (all if `None`).
    pub(super) fn read(&self, rows: usize, names: Option<&[&str]>) -> Result<Items> {
        self.read_some(Some(rows), names)
    }

    /// Keeps what is read from now on.
    pub(super) fn keep_columns(&self) {
        if let Table::File(stored) = self {
            stored.kept.get_or_init(Mutex::default);
        }
    }

    /// How a column is stored, if the table has it. Reads no values.
    pub(super) fn data_type(&self, name: &str) -> Result<Option<DataType>> {
        match self {
            Table::Memory(items) => Ok(items.column(name).map(|c| c.values.data_type().clone())),
            Table::File(stored) => {
                let bytes = bytes::Bytes::from_owner(stored.whole()?.clone());
                let reader = ParquetRecordBatchReaderBuilder::try_new(bytes);
                let reader = reader.map_err(|e| Error::data(e.to_string()))?;
                Ok(reader.schema().field_with_name(name).ok().map(|f| f.data_type().clone()))
            }
        }
    }

    /// Ids and all columns, however many rows it has.
    pub(super) fn read_whole(&self) -> Result<Items> {
        self.read_some(None, None)
    }

    fn read_some(&self, rows: Option<usize>, names: Option<&[&str]>) -> Result<Items> {
        let wanted = |name: &str| names.is_none_or(|names| names.contains(&name));
        match self {
            Table::Memory(items) => {
                let columns = items.columns().iter().filter(|c| wanted(&c.name)).cloned().collect();
                Ok(Items::trusted(items.ids().clone(), columns))
            }
            Table::File(stored) => {
                let read = |wanted: &dyn Fn(&str) -> bool| {
                    decode(stored.whole()?, rows, wanted).map_err(|e| e.context(&stored.about.file))
                };
                let (Some(kept), Some(names)) = (stored.kept.get(), names) else {
                    return read(&wanted);
                };
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let mut all = match kept.take() {
                    Some(kept) => kept,
                    None => read(&|_| false)?,
                };
                if names.iter().any(|name| all.column(name).is_none()) {
                    let more = read(&|name| wanted(name) && all.column(name).is_none())?;
                    let columns = all.columns().iter().chain(more.columns()).cloned().collect();
                    all = Items::trusted(all.ids().clone(), columns);
                }
                let columns = all.columns().iter().filter(|c| wanted(&c.name)).cloned().collect();
                let answer = Items::trusted(all.ids().clone(), columns);
                *kept = Some(all);
                Ok(answer)
            }
        }
    }
}

impl Stored {
    /// The bytes, which must be those that were written: only such reach the Parquet reader.
    fn whole(&self) -> Result<&Bytes> {
        if *self.whole.get_or_init(|| self.about.matches(&self.bytes)) {
            return Ok(&self.bytes);
        }
        Err(Error::data(format!("{} is damaged: its checksum does not match", self.about.file))
            .help("latlas check names all that is wrong; restore the space from a copy"))
    }
}

/// Writes a table as Parquet. The same table gives the same bytes.
pub(super) fn write(out: &mut NewFile, items: &Items) -> Result<()> {
    let mut fields = vec![Field::new("id", DataType::Utf8, false)];
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(items.ids().clone())];
    for column in items.columns() {
        let kind = column.kind.name();
        let field = Field::new(&column.name, column.values.data_type().clone(), true);
        fields.push(
            field.with_metadata(std::collections::HashMap::from([(
                KIND.to_owned(),
                kind.to_owned(),
            )])),
        );
        arrays.push(column.values.clone());
    }
    let schema = Arc::new(Schema::new(fields));
    let properties = WriterProperties::builder()
        .set_created_by("latlas".into())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(1 << 17))
        .build();
    let batch =
        RecordBatch::try_new(schema.clone(), arrays).map_err(|e| Error::data(e.to_string()))?;
    let written =
        ArrowWriter::try_new(&mut *out, schema, Some(properties)).and_then(|mut writer| {
            writer.write(&batch)?;
            writer.close()
        });
    written.map(drop).map_err(|e| out.blame(&e))
}

fn decode(bytes: &Bytes, rows: Option<usize>, wanted: &dyn Fn(&str) -> bool) -> Result<Items> {
    let unreadable =
        |e: &dyn std::fmt::Display| Error::data(format!("no readable Parquet file: {e}"));
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from_owner(bytes.clone()))
        .map_err(|e| unreadable(&e))?;
    let found = reader.metadata().file_metadata().num_rows();
    if let Some(rows) = rows
        && found != rows as i64
    {
        return Err(Error::data(format!("{found} rows, where space.json says {rows}")));
    }
    let all = reader.schema().clone();
    let roots = all
        .fields()
        .iter()
        .enumerate()
        .filter(|(_, f)| f.name() == "id" || wanted(f.name()))
        .map(|(i, _)| i);
    let mask = ProjectionMask::roots(reader.parquet_schema(), roots);
    let batches = reader
        .with_projection(mask)
        .with_batch_size(1 << 16)
        .build()
        .map_err(|e| unreadable(&e))?;
    let schema = projected(&all, wanted);
    let batches: Vec<RecordBatch> =
        batches.collect::<Result<_, _>>().map_err(|e| unreadable(&e))?;
    let whole = arrow_select::concat::concat_batches(
        &batches.first().map_or(schema, RecordBatch::schema),
        &batches,
    )
    .map_err(|e| unreadable(&e))?;
    if whole.num_rows() as i64 != found {
        return Err(Error::data(format!(
            "{} rows, where its own footer says {found}",
            whole.num_rows()
        )));
    }
    from_batch(&whole)
}

fn projected(all: &SchemaRef, wanted: &dyn Fn(&str) -> bool) -> SchemaRef {
    let fields = all.fields().iter().filter(|f| f.name() == "id" || wanted(f.name()));
    Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()))
}

fn from_batch(batch: &RecordBatch) -> Result<Items> {
    let ids = batch.column_by_name("id").and_then(|ids| ids.as_any().downcast_ref::<StringArray>());
    let ids = ids
        .filter(|ids| ids.null_count() == 0)
        .ok_or_else(|| Error::data("it has no column 'id' of text"))?;
    let mut columns = Vec::new();
    for (field, values) in batch.schema().fields().iter().zip(batch.columns()) {
        if field.name() != "id" {
            let kind = field.metadata().get(KIND).and_then(|name| ColumnKind::from_name(name));
            let kind = kind.filter(|kind| kind.fits(values.data_type()));
            let kind = kind.ok_or_else(|| {
                Error::data(format!("column '{}' does not say what its values mean", field.name()))
            })?;
            columns.push(Column { name: field.name().clone(), kind, values: values.clone() });
        }
    }
    Ok(Items::trusted(ids.clone(), columns))
}

/// An error for the first of these names that is no column of a space.
pub(super) fn check_columns(space: &Space, names: &[&str]) -> Result<()> {
    let known = |name: &&str| space.columns().iter().any(|(column, _)| column == name);
    names.iter().find(|name| !known(name)).map_or(Ok(()), |name| Err(unknown_column(space, name)))
}

/// The live items of a space, its segments put together.
pub(super) fn items(space: &Space, names: Option<&[&str]>) -> Result<Items> {
    let known = space.columns();
    check_columns(space, names.unwrap_or_default())?;
    let wanted: Vec<&str> = match names {
        Some(names) => names.to_vec(),
        None => known.iter().map(|(name, _)| name.as_str()).collect(),
    };
    let mut parts = Vec::new();
    for segment in &space.0.segments {
        let items = segment
            .items
            .read(segment.rows, Some(&wanted))
            .map_err(|e| e.context(space.called()))?;
        parts.push(match &space.0.deleted {
            None => items,
            Some(deleted) => {
                let live: BooleanArray = (0..segment.rows)
                    .map(|row| Some(!deleted.contains(segment.first + row)))
                    .collect();
                filter(&items, &live)?
            }
        });
    }
    let kinds: Vec<(&str, ColumnKind)> = wanted
        .iter()
        .map(|&name| {
            (name, known.iter().find(|(n, _)| n == name).map_or(ColumnKind::Text, |c| c.1))
        })
        .collect();
    let whole = concat(&parts, &kinds)?;
    if whole.len() != space.count() {
        let (called, live, count) = (space.called(), whole.len(), space.count());
        return Err(Error::data(format!(
            "{called} is damaged: {live} rows are live, where space.json says {count}"
        ))
        .help("latlas check names the file; restore the space from a copy"));
    }
    Ok(whole)
}

/// The rows whose flag is set.
fn filter(items: &Items, keep: &BooleanArray) -> Result<Items> {
    let kept = |values: &dyn Array| {
        arrow_select::filter::filter(values, keep).map_err(|e| Error::data(e.to_string()))
    };
    rebuild(items, &kept)
}

/// The rows at these places, in their order; `None` gives a missing value.
pub(super) fn take(items: &Items, rows: &arrow_array::UInt32Array) -> Result<Items> {
    let taken = |values: &dyn Array| {
        arrow_select::take::take(values, rows, None).map_err(|e| Error::data(e.to_string()))
    };
    rebuild(items, &taken)
}

fn rebuild(items: &Items, each: &dyn Fn(&dyn Array) -> Result<ArrayRef>) -> Result<Items> {
    let ids = strings(&each(items.ids())?)?;
    let columns =
        items.columns().iter().map(|c| Ok(Column { values: each(&c.values)?, ..c.clone() }));
    Ok(Items::trusted(ids, columns.collect::<Result<_>>()?))
}

fn strings(array: &ArrayRef) -> Result<StringArray> {
    array
        .as_any()
        .downcast_ref::<StringArray>()
        .cloned()
        .ok_or_else(|| Error::data("ids are not text"))
}

/// Tables below each other; a column that a part lacks is missing there.
pub(super) fn concat(parts: &[Items], columns: &[(&str, ColumnKind)]) -> Result<Items> {
    if let [one] = parts {
        // In the order asked for.
        let in_order = columns.iter().filter_map(|(name, _)| one.column(name).cloned()).collect();
        return Ok(Items::trusted(one.ids().clone(), in_order));
    }
    let join = |arrays: &[&dyn Array]| {
        arrow_select::concat::concat(arrays).map_err(|e| Error::data(e.to_string()))
    };
    let ids: Vec<&dyn Array> = parts.iter().map(|p| p.ids() as &dyn Array).collect();
    let ids = if ids.is_empty() {
        StringArray::from_iter_values([""; 0])
    } else {
        strings(&join(&ids)?)?
    };
    let mut joined = Vec::new();
    for &(name, kind) in columns {
        let Some(some) = parts.iter().find_map(|p| p.column(name)) else { continue };
        let values = |p: &Items| {
            p.column(name).map_or_else(
                || new_null_array(some.values.data_type(), p.len()),
                |c| c.values.clone(),
            )
        };
        let arrays: Vec<ArrayRef> = parts.iter().map(values).collect();
        let arrays: Vec<&dyn Array> = arrays.iter().map(|a| &**a).collect();
        joined.push(Column {
            name: name.to_owned(),
            kind,
            values: join(&arrays).map_err(|e| e.context(format!("column '{name}'")))?,
        });
    }
    Ok(Items::trusted(ids, joined))
}

fn unknown_column(space: &Space, name: &str) -> Error {
    let names = || space.columns().iter().map(|(column, _)| column.as_str());
    let error = Error::usage(format!("{} has no column '{name}'", space.called()));
    let closest = names()
        .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    match closest {
        None => error.help("it has no columns; latlas columns joins some"),
        Some(close) if strsim::jaro_winkler(close, name) > 0.8 => {
            error.help(format!("did you mean '{close}'?"))
        }
        Some(_) => {
            error.help(format!("it has: {}", names().take(20).collect::<Vec<_>>().join(", ")))
        }
    }
}

/// A stored map by name; the newest if there is none.
pub(super) fn map(space: &Space, name: Option<&str>) -> Result<(MapAbout, Items)> {
    let at = place_of(space, name)?;
    let about = &space.maps()[at];
    if !space.is_fresh(about) {
        let called = space.called();
        return Err(Error::nothing(format!(
            "map '{}' of {called} was built before items were added or deleted",
            about.name
        ))
        .help(format!("build it again: latlas map {called}")));
    }
    let items =
        space.0.map_tables[at].read(space.count(), None).map_err(|e| e.context(space.called()))?;
    Ok((about.clone(), items))
}

/// A stored map, stale or not.
pub(super) fn earlier_map(space: &Space, name: Option<&str>) -> Result<(MapAbout, Items)> {
    let at = place_of(space, name)?;
    let items = space.0.map_tables[at].read_whole().map_err(|e| e.context(space.called()))?;
    Ok((space.maps()[at].clone(), items))
}

/// Which of the maps it is.
fn place_of(space: &Space, name: Option<&str>) -> Result<usize> {
    let maps = space.maps();
    let at = match name {
        None => maps.len().checked_sub(1),
        Some(name) => maps.iter().position(|m| m.name == name),
    };
    at.ok_or_else(|| {
        let called = space.called();
        let names: Vec<&str> = maps.iter().map(|m| m.name.as_str()).collect();
        match name {
            Some(name) if !names.is_empty() => {
                Error::nothing(format!("{called} has no map '{name}'"))
                    .help(format!("it has: {}", names.join(", ")))
            }
            _ => Error::nothing(format!("{called} has no map yet"))
                .help(format!("make one: latlas map {called}")),
        }
    })
}
