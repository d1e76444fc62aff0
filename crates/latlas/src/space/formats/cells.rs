//! CSV, TSV and JSON Lines: the flat table as text, a line each, made in parallel.
//!
//! CSV quotes a value that holds a comma, quote or line end, or is empty text (nothing at all is a missing value).
//! TSV knows no quotes: tab, line end and backslash are written `\t`, `\n`, `\\`. The vector is one column per
//! dimension, `vector_0`, `vector_1`, …, or one JSON list. JSON Lines names every column in every line.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::flat::Flat;
use super::numbers::print;
use super::options::ExportOptions;
use super::save::put;
use crate::error::Result;
use crate::items::{Column, ColumnKind, format_time};
use crate::run::Run;

/// The three ways to write a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Csv,
    Tsv,
    Jsonl,
}

pub(super) fn write(
    out: &mut dyn Write,
    flat: &Flat<'_>,
    style: Style,
    options: &ExportOptions,
    run: &Run,
) -> Result<()> {
    let columns = flat.items.columns();
    if style == Style::Jsonl {
        let keys: Vec<String> = columns.iter().map(|column| json_text(&column.name)).collect();
        let vector_key = json_text(&flat.vector_name);
        return flat.vectors.lines(out, run, |row, id, vector, line| {
            line.extend_from_slice(b"{\"id\":");
            line.extend_from_slice(json_text(id).as_bytes());
            for (column, key) in columns.iter().zip(&keys) {
                line.push(b',');
                line.extend_from_slice(key.as_bytes());
                line.push(b':');
                line.extend_from_slice(json(&column.values, row).as_bytes());
            }
            line.push(b',');
            line.extend_from_slice(vector_key.as_bytes());
            line.push(b':');
            list(vector, line);
            line.extend_from_slice(b"}\n");
        });
    }
    let separator = if style == Style::Csv { b',' } else { b'\t' };
    let mut header = Vec::new();
    field("id", style, &mut header);
    for column in columns {
        header.push(separator);
        field(&column.name, style, &mut header);
    }
    let name = &flat.vector_name;
    let names: Vec<String> = if options.vector_list {
        vec![name.clone()]
    } else {
        (0..flat.vectors.dim()).map(|dimension| format!("{name}_{dimension}")).collect()
    };
    for name in names {
        header.push(separator);
        field(&name, style, &mut header);
    }
    header.push(b'\n');
    put(out, &header)?;
    flat.vectors.lines(out, run, |row, id, vector, line| {
        field(id, style, line);
        for column in columns {
            line.push(separator);
            value(column, row, style, line);
        }
        if options.vector_list {
            line.push(separator);
            let mut text = Vec::new();
            list(vector, &mut text);
            field(&String::from_utf8_lossy(&text), style, line);
        } else {
            for &number in vector {
                line.push(separator);
                print(number, line);
            }
        }
        line.push(b'\n');
    })
}

/// Text as a field, quoted or escaped where it must be.
pub(super) fn field(text: &str, style: Style, line: &mut Vec<u8>) {
    if style == Style::Tsv {
        for byte in text.bytes() {
            match byte {
                b'\t' => line.extend_from_slice(b"\\t"),
                b'\n' => line.extend_from_slice(b"\\n"),
                b'\\' => line.extend_from_slice(b"\\\\"),
                _ => line.push(byte),
            }
        }
        return;
    }
    let bare = !text.is_empty()
        && !text.contains([',', '"', '\n', '\r'])
        && !text.starts_with(char::is_whitespace)
        && !text.ends_with(char::is_whitespace);
    if bare {
        line.extend_from_slice(text.as_bytes());
    } else {
        line.push(b'"');
        line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        line.push(b'"');
    }
}

/// A value of a column as a field; nothing for a missing one.
pub(super) fn value(column: &Column, row: usize, style: Style, line: &mut Vec<u8>) {
    let values = &column.values;
    if values.is_null(row) {
        return;
    }
    match column.kind {
        ColumnKind::Text | ColumnKind::Category => {
            if let Some(texts) = values.as_string_opt::<i32>() {
                field(texts.value(row), style, line);
            }
        }
        ColumnKind::List => field(&json(values, row), style, line),
        ColumnKind::Time => {
            // JSON would put quotes around it.
            if let Some(times) = values.as_primitive_opt::<TimestampMillisecondType>() {
                line.extend_from_slice(format_time(times.value(row)).as_bytes());
            }
        }
        ColumnKind::Number => {
            if let Some(numbers) = values.as_primitive_opt::<Float64Type>() {
                line.extend_from_slice(
                    number(numbers.value(row))
                        .unwrap_or_else(|| numbers.value(row).to_string())
                        .as_bytes(),
                );
            }
        }
        ColumnKind::Integer | ColumnKind::Boolean => {
            line.extend_from_slice(json(values, row).as_bytes());
        }
    }
}

/// A value as JSON. Types that no column has give null, as do NaN and infinities, which JSON cannot say.
fn json(values: &ArrayRef, row: usize) -> String {
    if values.is_null(row) {
        return "null".into();
    }
    let written = match values.data_type() {
        DataType::Utf8 => values.as_string_opt::<i32>().map(|a| json_text(a.value(row))),
        DataType::Float64 => {
            values.as_primitive_opt::<Float64Type>().and_then(|a| number(a.value(row)))
        }
        DataType::Int64 => values.as_primitive_opt::<Int64Type>().map(|a| a.value(row).to_string()),
        DataType::Boolean => values.as_boolean_opt().map(|a| a.value(row).to_string()),
        DataType::Timestamp(..) => values
            .as_primitive_opt::<TimestampMillisecondType>()
            .map(|a| json_text(&format_time(a.value(row)))),
        DataType::List(_) => values.as_list_opt::<i32>().map(|a| {
            let members = a.value(row);
            let texts: Vec<String> = (0..members.len()).map(|i| json(&members, i)).collect();
            format!("[{}]", texts.join(","))
        }),
        _ => None,
    };
    written.unwrap_or_else(|| "null".into())
}

/// The shortest digits of a finite number, always with a point or an exponent, so that it stays a real number.
fn number(number: f64) -> Option<String> {
    number.is_finite().then(|| serde_json::to_string(&number).ok()).flatten()
}

fn json_text(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| "\"\"".into())
}

fn list(vector: &[f32], line: &mut Vec<u8>) {
    line.push(b'[');
    for (place, &number) in vector.iter().enumerate() {
        if place > 0 {
            line.push(b',');
        }
        print(number, line);
    }
    line.push(b']');
}
