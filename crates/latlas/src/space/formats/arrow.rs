//! Parquet and Arrow IPC: the flat table with the vector as a fixed-size list, in batches.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeListArray, Float16Array, Float32Array, RecordBatch};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use super::flat::{ABOUT, Flat, kind_metadata};
use super::options::ExportOptions;
use crate::error::{Error, Result};
use crate::run::{Run, Step};
use crate::space::Dtype;

/// Rows of a batch: as many as make about a MiB of vectors.
fn batch_rows(dim: usize) -> usize {
    ((1 << 20) / (4 * dim.max(1))).clamp(64, 1 << 14)
}

/// Rows of a Parquet row group, which the writer holds in memory: about 64 MiB of vectors.
fn group_rows(dim: usize) -> usize {
    ((1 << 26) / (4 * dim.max(1))).clamp(1 << 10, 1 << 20)
}

pub(super) fn write_parquet(
    out: &mut (dyn Write + Send),
    flat: &Flat<'_>,
    options: &ExportOptions,
    run: &Run,
) -> Result<()> {
    let schema = Arc::new(schema(flat));
    // In the file's own metadata, where tools that know no Arrow find it too.
    let about = KeyValue::new(ABOUT.to_owned(), flat.about(options).to_string());
    let vector = ColumnPath::new(vec![flat.vector_name.clone(), "list".into(), "element".into()]);
    let properties = WriterProperties::builder()
        .set_created_by(concat!("latlas ", env!("CARGO_PKG_VERSION")).into())
        .set_key_value_metadata(Some(vec![about]))
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(group_rows(flat.vectors.dim())))
        .set_column_dictionary_enabled(vector, false)
        .build();
    let failed = |e: parquet::errors::ParquetError| failed(&e);
    let mut writer = ArrowWriter::try_new(out, schema.clone(), Some(properties)).map_err(failed)?;
    batches(flat, &schema, run, |batch| writer.write(&batch).map_err(failed))?;
    writer.close().map(drop).map_err(failed)
}

pub(super) fn write_arrow(
    out: &mut (dyn Write + Send),
    flat: &Flat<'_>,
    options: &ExportOptions,
    run: &Run,
) -> Result<()> {
    let about = HashMap::from([(ABOUT.to_owned(), flat.about(options).to_string())]);
    let schema = Arc::new(schema(flat).with_metadata(about));
    let failed = |e: arrow_schema::ArrowError| failed(&e);
    let mut writer = FileWriter::try_new_buffered(out, &schema).map_err(failed)?;
    batches(flat, &schema, run, |batch| writer.write(&batch).map_err(failed))?;
    writer.finish().map_err(failed)?;
    writer.flush().map_err(failed)
}

/// `file::publish` puts the disk's own error in its place where it is one.
fn failed(error: &dyn std::fmt::Display) -> Error {
    Error::data(format!("cannot write the table: {error}"))
}

fn element(flat: &Flat<'_>) -> Arc<Field> {
    Arc::new(Field::new("element", flat.float(), false))
}

fn schema(flat: &Flat<'_>) -> Schema {
    let mut fields = vec![Field::new("id", DataType::Utf8, false)];
    for column in flat.items.columns() {
        let field = Field::new(&column.name, column.values.data_type().clone(), true);
        fields.push(field.with_metadata(kind_metadata(column.kind)));
    }
    let list = DataType::FixedSizeList(element(flat), flat.vectors.dim() as i32);
    fields.push(Field::new(&flat.vector_name, list, false));
    Schema::new(fields)
}

fn batches(
    flat: &Flat<'_>,
    schema: &SchemaRef,
    run: &Run,
    mut take: impl FnMut(RecordBatch) -> Result<()>,
) -> Result<()> {
    let (vectors, items) = (&flat.vectors, &flat.items);
    let (dim, size) = (vectors.dim(), batch_rows(vectors.dim()));
    for (n, rows) in vectors.rows.chunks(size).enumerate() {
        let start = n * size;
        let total = Some(vectors.count() as u64);
        run.report(&Step {
            stage: "writing",
            done: start as u64,
            total,
            unit: "vectors",
            ..Step::default()
        })?;
        let mut numbers = vec![0.0; rows.len() * dim];
        for (row, out) in rows.iter().zip(numbers.chunks_exact_mut(dim)) {
            vectors.field.read(*row, out);
        }
        let numbers: ArrayRef = match vectors.dtype() {
            Dtype::F32 => Arc::new(Float32Array::from(numbers)),
            Dtype::F16 => Arc::new(Float16Array::from_iter_values(
                numbers.into_iter().map(half::f16::from_f32),
            )),
        };
        let list = FixedSizeListArray::try_new(element(flat), dim as i32, numbers, None);
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(items.ids().slice(start, rows.len()))];
        arrays.extend(items.columns().iter().map(|column| column.values.slice(start, rows.len())));
        arrays.push(Arc::new(list.map_err(|e| failed(&e))?));
        take(RecordBatch::try_new(schema.clone(), arrays).map_err(|e| failed(&e))?)?;
    }
    Ok(())
}
